"""Turns what is wrong with a manifest into the error that tells all of it."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from synapse_core.errors import ManifestError
from synapse_core.model.plugin import Diagnostic
from synapse_core.plugins.layout import MANIFEST
from synapse_core.types import JSONValue

__all__ = ["MAX_DIAGNOSTICS", "build_error"]

MAX_DIAGNOSTICS = 100
"""A file with more faults is the wrong file; their number is told."""


def build_error(folder: Path, findings: Sequence[Diagnostic]) -> ManifestError:
    """Return the error that tells the findings, the first of them in its message.

    Args:
        folder: The plugin's folder.
        findings: What is wrong, at least one thing, in the order of the file.
    """
    first = findings[0]
    place = f", line {first.line}" if first.line else ""
    more = len(findings) - 1
    rest = f" And {more} more {'fault' if more == 1 else 'faults'}." if more else ""
    listed: list[JSONValue] = [dict(asdict(each)) for each in findings[:MAX_DIAGNOSTICS]]
    return ManifestError(
        f"{folder / MANIFEST}{place}: {first.message}{rest}",
        hint=first.fix,
        path=str(folder),
        diagnostics=listed,
    )

"""Keeps what a check found, for as long as the plugin is the same."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from synapse_core.config.atomic import write_atomically
from synapse_core.errors import StorageError
from synapse_core.model.plugin import Diagnostic, Severity
from synapse_core.types import JSONObject, JSONValue

__all__ = ["KeptFindings", "parse_diagnostic", "read_kept", "write_kept"]

_FORMAT = 1
"""Changes with the rules of the checks, so that what older rules found is forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFindings:
    """What a check found.

    Attributes:
        plugin: Code of the plugin.
        actions: Names of its actions.
        diagnostics: The findings, in the order in which they are told.
    """

    plugin: str
    actions: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]


def read_kept(cache_dir: Path, folder: Path, stamp: str) -> KeptFindings | None:
    """Return what was found when the plugin had this stamp; None when that is not known."""
    try:
        content: JSONObject = json.loads(_file(cache_dir, folder).read_bytes())
        if content["stamp"] != stamp or content["format"] != _FORMAT:
            return None
        return KeptFindings(
            plugin=str(content["plugin"]),
            actions=tuple(str(name) for name in _list(content["actions"])),
            diagnostics=tuple(
                parse_diagnostic(entry)
                for entry in _list(content["diagnostics"])
                if isinstance(entry, dict)
            ),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a cache that cannot be read is one that is not there


def write_kept(cache_dir: Path, folder: Path, stamp: str, found: KeptFindings) -> None:
    """Keep what was found; a full disk keeps nothing, and nobody misses it."""
    file = _file(cache_dir, folder)
    content = {"format": _FORMAT, "stamp": stamp, **asdict(found)}
    with contextlib.suppress(StorageError, OSError):
        file.parent.mkdir(mode=0o700, exist_ok=True)
        write_atomically(file, json.dumps(content).encode(), mode=0o600)


def parse_diagnostic(entry: Mapping[str, JSONValue]) -> Diagnostic:
    """Return a finding from its JSON form.

    Raises:
        KeyError: It has no code or message.
        ValueError: Its severity is unknown, or a number is none.
    """
    return Diagnostic(
        code=str(entry["code"]),
        message=str(entry["message"]),
        severity=Severity(str(entry.get("severity", Severity.ERROR))),
        file=str(entry.get("file", "")),
        line=int(str(entry.get("line", 0))),
        column=int(str(entry.get("column", 0))),
        key=str(entry.get("key", "")),
        fix=str(entry.get("fix", "")),
    )


def _file(cache_dir: Path, folder: Path) -> Path:
    name = hashlib.blake2b(str(folder).encode(errors="surrogateescape"), digest_size=16)
    return cache_dir / "checks" / f"{name.hexdigest()}.json"


def _list(value: JSONValue) -> list[JSONValue]:
    return value if isinstance(value, list) else []

"""Cursors: places in a run's journal, as text that a client keeps and gives back."""

import re
import zlib

from synapse_core.errors import CursorError

__all__ = ["format_cursor", "parse_cursor"]

_FORM = re.compile(r"v1\.(0|[1-9]\d{0,17})\.([0-9a-f]{8})")


def format_cursor(run_id: str, offset: int) -> str:
    """Return the cursor that stands at byte `offset` of the run's journal."""
    return f"v1.{offset}.{_check(run_id, offset)}"


def parse_cursor(run_id: str, text: str) -> int:
    """Return the byte position in the run's journal that the cursor stands at.

    Raises:
        CursorError: It is no cursor, or one of another run.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise CursorError(
            f"{text[:80]!r} is no cursor.",
            hint="Give back the cursor of an earlier answer unchanged, or none to read from the "
            "beginning.",
        )
    offset = int(form[1])
    if form[2] != _check(run_id, offset):
        raise CursorError(
            f"The cursor {text!r} was not made for run {run_id}.",
            hint="Use the cursor that came with this run's own events, or none to read from the "
            "beginning.",
            run_id=run_id,
        )
    return offset


def _check(run_id: str, offset: int) -> str:
    """Return what tells this run's cursors from another's; it guards against mistakes only."""
    return f"{zlib.crc32(f'{run_id}.{offset}'.encode()):08x}"

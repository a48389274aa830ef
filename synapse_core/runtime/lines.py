"""Turns text into log lines of bounded size."""

from collections.abc import Iterator

from synapse_core.model.event import EventKind
from synapse_core.ports import EventSink
from synapse_core.types import JSONObject

__all__ = ["LONGEST_PIECE", "emit_line", "pieces"]

LONGEST_PIECE = 65_536
"""Characters of one log event; a longer line goes on in the next event."""


def pieces(text: str) -> Iterator[str]:
    """Yield the text in pieces of at most `LONGEST_PIECE` characters; at least one."""
    yield text[:LONGEST_PIECE]
    for start in range(LONGEST_PIECE, len(text), LONGEST_PIECE):
        yield text[start : start + LONGEST_PIECE]


def emit_line(sink: EventSink, text: str, data: JSONObject) -> None:
    """Record one line as a log event, or as several when it is long.

    Args:
        sink: Where it goes.
        text: The line.
        data: What else the event says: `level`, `source`, …
    """
    *begun, last = pieces(text)
    for piece in begun:
        sink.emit(EventKind.LOG, {"message": piece, **data, "more": True})
    sink.emit(EventKind.LOG, {"message": last, **data})

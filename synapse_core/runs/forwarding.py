"""Events of forked processes, which reach the journal through the captured output.

A journal has one writer. A fork of user code writes its events as lines of output instead, and
whoever reads the captured output turns them back into what they were.
"""

import json

from synapse_core.model.event import EventKind, LogSource
from synapse_core.ports import EventSink
from synapse_core.types import JSONObject

__all__ = ["ForwardedEvents", "forwarded_line"]

_MARK = "\x1esynapse "
"""Begins a line of captured output that is an event of a forked process."""


def forwarded_line(kind: EventKind, data: JSONObject) -> bytes:
    """Return the line of output that carries the event."""
    line = _MARK + json.dumps({"kind": kind, "data": data}, default=str) + "\n"
    return line.encode("utf-8", "backslashreplace")


class ForwardedEvents:
    """Turns lines that a forked process wrote for its parent back into events.

    Args:
        sink: Where events go; lines that are none of these pass unchanged.
    """

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self._begun = ""

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        """Record the event, or the one that its line carries."""
        message = data.get("message")
        if data.get("source") != LogSource.OUTPUT or not isinstance(message, str):
            return self._sink.emit(kind, data)
        if not (self._begun or message.startswith(_MARK)):
            return self._sink.emit(kind, data)
        self._begun += message
        if data.get("more"):
            return 0  # the rest of the line follows at once
        line, self._begun = self._begun, ""
        try:
            forwarded = json.loads(line[len(_MARK) :])
            forwarded_kind = EventKind(forwarded["kind"])
            forwarded_data: JSONObject = forwarded["data"]
        except (ValueError, KeyError, TypeError):
            # A fork was killed while it wrote: what it said is kept as it stands.
            return self._sink.emit(kind, {**data, "message": line})
        return self._sink.emit(forwarded_kind, {**forwarded_data, "offset": data.get("offset")})

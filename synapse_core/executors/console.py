"""Shows the events of a run on a terminal, for runs in a script or a notebook."""

import sys
import threading
import time
from typing import TextIO

from synapse_core.logs.display import neutralise
from synapse_core.model.event import EventKind
from synapse_core.types import JSONObject

__all__ = ["ConsoleSink"]

_PROGRESS_PAUSE_S = 1.0
_QUIET = frozenset({"debug"})


class ConsoleSink:
    """Implements `EventSink`: writes what a person wants to see, and keeps nothing.

    Args:
        stream: Where to; None for stderr as it is when something is written.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._count = 0
        self._lock = threading.Lock()
        self._shown_at: dict[str, float] = {}

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        """Show one event, and return its number."""
        line = self._line(kind, data)
        with self._lock:
            self._count += 1
            if line:
                stream = self._stream or sys.stderr
                stream.write(f"{neutralise(line)}\n")
            return self._count

    def _line(self, kind: EventKind, data: JSONObject) -> str:
        match kind:
            case EventKind.LOG | EventKind.MESSAGE if data.get("level") not in _QUIET:
                fields = data.get("fields")
                more = f" {fields}" if fields else ""
                return f"{data.get('level')}: {data.get('message')}{more}"
            case EventKind.PROGRESS:
                return self._progress(data)
            case EventKind.METRICS:
                return f"{data.get('category')}: {data.get('values')}"
            case EventKind.ARTIFACT:
                return f"saved: {data.get('name')} ({data.get('size_bytes')} bytes)"
            case _:
                return ""

    def _progress(self, data: JSONObject) -> str:
        """Return a line at most once a second, and for the end."""
        category, now = str(data.get("category")), time.monotonic()
        is_end = data.get("current") == data.get("total")
        if not is_end and now - self._shown_at.get(category, -1e9) < _PROGRESS_PAUSE_S:
            return ""
        self._shown_at[category] = now
        return f"{category}: {data.get('current')}/{data.get('total')} ({data.get('percent')} %)"

"""An `EventSink` that keeps events in a list."""

import threading
from collections.abc import Callable

from synapse_core.model.event import EventKind
from synapse_core.types import JSONObject, JSONValue

__all__ = ["MemorySink"]


class MemorySink:
    """Keeps what it is given; `on_emit` is called first, and may raise or print."""

    def __init__(self, on_emit: Callable[[], object] | None = None) -> None:
        self.events: list[tuple[EventKind, JSONObject]] = []
        self._on_emit = on_emit
        self._lock = threading.RLock()

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        if self._on_emit is not None:
            self._on_emit()
        with self._lock:
            self.events.append((kind, data))
            return len(self.events)

    def of(self, kind: EventKind) -> list[JSONObject]:
        return [data for one, data in self.events if one is kind]

    def messages(self, source: str | None = None) -> list[JSONValue]:
        """Return the texts of the log events, of one source if it is given."""
        return [
            data["message"]
            for data in self.of(EventKind.LOG)
            if source is None or data["source"] == source
        ]

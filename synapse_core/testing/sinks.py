"""An event sink that keeps everything in memory."""

import threading
import time
from collections.abc import Callable

from synapse_core.model.event import Event, EventKind
from synapse_core.types import JSONObject

__all__ = ["MemorySink"]


class MemorySink:
    """Implements `EventSink` with a list.

    Args:
        on_event: Called with each event after it is kept, in the thread that emits it.

    Attributes:
        events: What was emitted, in order.
    """

    def __init__(self, on_event: Callable[[Event], None] | None = None) -> None:
        self.events: list[Event] = []
        self._on_event = on_event
        self._lock = threading.Lock()

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        """Keep one event and return its `seq`."""
        with self._lock:
            event = Event(len(self.events) + 1, time.time(), kind, data)
            self.events.append(event)
        if self._on_event is not None:
            self._on_event(event)
        return event.seq

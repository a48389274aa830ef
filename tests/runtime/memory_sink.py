"""The sink of the testing kit, with what tests of the runtime ask it for."""

from collections.abc import Callable

from synapse_core import testing
from synapse_core.model.event import EventKind
from synapse_core.types import JSONObject, JSONValue

__all__ = ["MemorySink"]


class MemorySink(testing.MemorySink):
    """Keeps what it is given; `on_emit` is called before that, and may raise or print."""

    def __init__(self, on_emit: Callable[[], object] | None = None) -> None:
        super().__init__()
        self._on_emit = on_emit

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        if self._on_emit is not None:
            self._on_emit()
        return super().emit(kind, data)

    @property
    def pairs(self) -> list[tuple[EventKind, JSONObject]]:
        """Kind and data of each event."""
        return [(event.kind, event.data) for event in self.events]

    def of(self, kind: EventKind) -> list[JSONObject]:
        return [data for one, data in self.pairs if one is kind]

    def messages(self, source: str | None = None) -> list[JSONValue]:
        """Return the texts of the log events, of one source if it is given."""
        return [
            data["message"]
            for data in self.of(EventKind.LOG)
            if source is None or data["source"] == source
        ]

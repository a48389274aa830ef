"""What every `EventSink` must do.

Derive from `EventSinkContract` and override its fixtures `sink` and `recorded`; pytest does the
rest:

    class TestMySink(EventSinkContract):
        @pytest.fixture
        def sink(self) -> EventSink:
            return MySink()

        @pytest.fixture
        def recorded(self, sink: EventSink) -> Callable[[], Sequence[Event]]:
            return sink.events
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from synapse_core.model.event import Event, EventKind
from synapse_core.ports import EventSink
from synapse_core.types import JSONObject

__all__ = ["ODD_VALUES", "EventSinkContract"]

_HOLDS_ITSELF: list[Any] = []
_HOLDS_ITSELF.append([_HOLDS_ITSELF, _HOLDS_ITSELF])


def _nested(depth: int) -> Any:  # noqa: ANN401 - its type would be as deep
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


class _Rude:
    def __repr__(self) -> str:
        raise RuntimeError("I have no text")


ODD_VALUES: dict[str, Any] = {
    "not a number": float("nan"),
    "infinite": float("-inf"),
    "huge number": 10**5000,
    "bytes": b"\xff\x00",
    "lone surrogate": "a\ud800b",
    "lone surrogate as a key": {"\udfff": {"\ud800": 1}},
    "number as a key": {1: 2, None: 3},
    "set": {1, 2},
    "object": object(),
    "object without a text": _Rude(),
    "class": int,
    "error": ValueError("x"),
    "holds itself": _HOLDS_ITSELF,
    "deeply nested": _nested(5000),
    "control characters": "\x00\x1b[31m\r\n\u2028",
}
"""What user code may hand over instead of JSON."""


class EventSinkContract:
    """Every sentence of `EventSink`, as tests."""

    @pytest.fixture
    def sink(self) -> EventSink:
        """Return a sink without events; to be overridden."""
        raise NotImplementedError

    @pytest.fixture
    def recorded(self) -> Callable[[], Sequence[Event]]:
        """Return what reads the sink's events, oldest first; to be overridden."""
        raise NotImplementedError

    def test_events_are_numbered_from_one_without_gaps(
        self, sink: EventSink, recorded: Callable[[], Sequence[Event]]
    ) -> None:
        given = [sink.emit(EventKind.LOG, {"message": str(number)}) for number in range(5)]

        assert given == [1, 2, 3, 4, 5]
        assert [event.seq for event in recorded()] == given

    @pytest.mark.parametrize("kind", EventKind)
    def test_an_event_is_read_as_it_was_recorded(
        self, sink: EventSink, recorded: Callable[[], Sequence[Event]], kind: EventKind
    ) -> None:
        data: JSONObject = {
            "message": "ü \N{SNOWMAN} \x00 \n \u2028 \U0001f600",
            "deep": [{"a": None, "b": [1, -2.5, True, 10**18]}],
            "": {},
        }
        sink.emit(kind, data)
        (event,) = recorded()

        assert (event.kind, event.data) == (kind, data)

    @pytest.mark.parametrize("name", ODD_VALUES)
    def test_nothing_that_is_no_json_is_refused(
        self, sink: EventSink, recorded: Callable[[], Sequence[Event]], name: str
    ) -> None:
        sink.emit(EventKind.METRICS, {"values": {"odd": ODD_VALUES[name]}, "good": "text"})
        sink.emit(EventKind.LOG, {"message": "next"})
        odd, after = recorded()

        assert odd.data["good"] == "text"
        assert after.data == {"message": "next"}

    def test_threads_share_the_numbers_and_each_keeps_its_order(
        self, sink: EventSink, recorded: Callable[[], Sequence[Event]]
    ) -> None:
        def speak(name: int) -> None:
            for number in range(50):
                sink.emit(EventKind.LOG, {"thread": name, "number": number})

        threads = [threading.Thread(target=speak, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        events = recorded()

        assert [event.seq for event in events] == list(range(1, 201))
        for name in range(4):
            said = [event.data["number"] for event in events if event.data["thread"] == name]
            assert said == list(range(50))

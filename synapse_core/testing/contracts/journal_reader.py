"""What every `JournalReader` must do.

Derive from `JournalReaderContract` and override its fixtures `journals` and `open_sink`; pytest
does the rest.
"""

import threading
import time
from collections.abc import Callable

import pytest

from synapse_core.errors import CursorError
from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import RunSummary
from synapse_core.ports import EventSink, JournalReader

__all__ = ["OTHER_RUN", "RUN", "JournalReaderContract"]

RUN, OTHER_RUN = "20260101-000000-00000001", "20260101-000000-00000002"

_PATIENCE_S = 10.0

_STATUS = frozenset({EventKind.STATUS})


def _numbers(events: tuple[Event, ...]) -> list[int]:
    return [event.seq for event in events]


class JournalReaderContract:
    """Every sentence of `JournalReader`, as tests."""

    @pytest.fixture
    def journals(self) -> JournalReader:
        """Return a reader of runs without events; to be overridden."""
        raise NotImplementedError

    @pytest.fixture
    def open_sink(self) -> Callable[[str], EventSink]:
        """Return what opens a sink of the run that `journals` reads; to be overridden."""
        raise NotImplementedError

    @pytest.fixture
    def sink(self, open_sink: Callable[[str], EventSink]) -> EventSink:
        """Return the sink of `RUN`, with nine log lines and a status after each third."""
        sink = open_sink(RUN)
        for number in range(1, 10):
            sink.emit(EventKind.LOG, {"level": "info", "message": f"line {number}"})
            if number % 3 == 0:
                sink.emit(EventKind.STATUS, {"status": "running", "attempt": number // 3})
        return sink

    def test_a_run_without_events_has_an_empty_page_and_a_cursor(
        self, journals: JournalReader, open_sink: Callable[[str], EventSink]
    ) -> None:
        read, tail = journals.read(RUN), journals.tail(RUN, 5)
        open_sink(RUN).emit(EventKind.LOG, {"message": "first"})

        for page in (read, tail):
            assert page.items == ()
            assert page.next_cursor is not None
            assert _numbers(journals.read(RUN, after=page.next_cursor).items) == [1]

    @pytest.mark.usefixtures("sink")
    @pytest.mark.parametrize("limit", [1, 2, 5, 12, 1000])
    def test_pages_neither_lose_nor_repeat_an_event(
        self, journals: JournalReader, limit: int
    ) -> None:
        seen: list[int] = []
        cursor = None
        while True:
            page = journals.read(RUN, after=cursor, limit=limit)
            cursor = page.next_cursor
            seen += _numbers(page.items)
            if len(page.items) < limit:
                break

        assert seen == list(range(1, 13))

    @pytest.mark.usefixtures("sink")
    def test_other_kinds_are_passed_over_and_do_not_count(self, journals: JournalReader) -> None:
        first = journals.read(RUN, kinds=_STATUS, limit=2)
        second = journals.read(RUN, kinds=_STATUS, limit=2, after=first.next_cursor)

        assert _numbers(first.items) == [4, 8]
        assert _numbers(second.items) == [12]
        assert journals.read(RUN, after=first.next_cursor, limit=1).items[0].seq == 9

    @pytest.mark.usefixtures("sink")
    def test_a_page_of_nothing_stands_where_it_began(self, journals: JournalReader) -> None:
        cursor = journals.read(RUN, limit=3).next_cursor

        assert journals.read(RUN, after=cursor, limit=0).next_cursor == cursor

    def test_reading_goes_on_from_the_cursor_with_what_came_since(
        self, journals: JournalReader, sink: EventSink
    ) -> None:
        cursor = journals.read(RUN, kinds=_STATUS).next_cursor
        sink.emit(EventKind.LOG, {"message": "later"})

        assert _numbers(journals.read(RUN, after=cursor).items) == [13]

    @pytest.mark.usefixtures("sink")
    @pytest.mark.parametrize(
        ("count", "expected"), [(0, []), (1, [12]), (4, [9, 10, 11, 12]), (99, [*range(1, 13)])]
    )
    def test_the_tail_is_the_last_events_oldest_first(
        self, journals: JournalReader, count: int, expected: list[int]
    ) -> None:
        page = journals.tail(RUN, count)

        assert _numbers(page.items) == expected
        assert journals.read(RUN, after=page.next_cursor).items == ()

    @pytest.mark.usefixtures("sink")
    def test_the_tail_of_some_kinds_has_a_cursor_at_the_very_end(
        self, journals: JournalReader, sink: EventSink
    ) -> None:
        sink.emit(EventKind.LOG, {"message": "after the status"})
        page = journals.tail(RUN, 2, kinds=_STATUS)

        assert _numbers(page.items) == [8, 12]
        assert journals.read(RUN, after=page.next_cursor).items == ()

    @pytest.mark.usefixtures("sink")
    def test_a_cursor_of_another_run_is_refused(
        self, journals: JournalReader, open_sink: Callable[[str], EventSink]
    ) -> None:
        open_sink(OTHER_RUN).emit(EventKind.LOG, {"message": "line 1"})
        cursor = journals.read(RUN, limit=1).next_cursor

        with pytest.raises(CursorError):
            journals.read(OTHER_RUN, after=cursor)
        with pytest.raises(CursorError):
            journals.wait(OTHER_RUN, cursor, timeout_s=0)

    @pytest.mark.usefixtures("sink")
    @pytest.mark.parametrize("text", ["", "0", "v1.0.", "v2.0.00000000", "1", "\ud800", "v1" * 999])
    def test_a_text_that_is_no_cursor_is_refused(self, journals: JournalReader, text: str) -> None:
        with pytest.raises(CursorError):
            journals.read(RUN, after=text)

    def test_waiting_ends_at_once_when_an_event_is_there(
        self, journals: JournalReader, sink: EventSink
    ) -> None:
        cursor = journals.tail(RUN, 0).next_cursor
        sink.emit(EventKind.LOG, {"message": "later"})

        assert journals.wait(RUN, None, timeout_s=0)
        assert journals.wait(RUN, cursor, timeout_s=_PATIENCE_S)

    def test_waiting_ends_when_its_time_is_over(self, journals: JournalReader) -> None:
        start = time.monotonic()

        assert not journals.wait(RUN, None, timeout_s=0.05)
        assert 0.05 <= time.monotonic() - start < _PATIENCE_S

    def test_a_write_ends_the_waiting(self, journals: JournalReader, sink: EventSink) -> None:
        cursor = journals.tail(RUN, 0).next_cursor
        woken: list[bool] = []
        waiter = threading.Thread(
            target=lambda: woken.append(journals.wait(RUN, cursor, timeout_s=_PATIENCE_S))
        )
        waiter.start()
        sink.emit(EventKind.LOG, {"message": "later"})
        waiter.join()

        assert woken == [True]

    def test_the_first_write_of_a_run_ends_the_waiting(
        self, journals: JournalReader, open_sink: Callable[[str], EventSink]
    ) -> None:
        woken: list[bool] = []
        waiter = threading.Thread(
            target=lambda: woken.append(journals.wait(RUN, None, timeout_s=_PATIENCE_S))
        )
        waiter.start()
        open_sink(RUN).emit(EventKind.LOG, {"message": "first"})
        waiter.join()

        assert woken == [True]

    def test_a_summary_in_pieces_is_the_summary_of_the_whole(
        self, journals: JournalReader, sink: EventSink
    ) -> None:
        part = journals.summarise(RUN, RunSummary())
        sink.emit(EventKind.LOG, {"level": "warning", "message": "hot"})
        sink.emit(EventKind.MESSAGE, {"level": "info", "message": "half way"})
        whole = journals.summarise(RUN, RunSummary())

        assert part.seq == 12
        assert (whole.seq, whole.log_lines, whole.warnings) == (14, 14, 1)
        assert whole.last_message == "half way"
        assert journals.summarise(RUN, part) == whole
        assert journals.summarise(RUN, whole) == whole

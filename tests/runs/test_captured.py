import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.config.home import Home
from synapse_core.errors import JournalError
from synapse_core.model.event import EventKind
from synapse_core.runs.captured import OutputReader, last_offset
from synapse_core.runs.forwarding import ForwardedEvents, forwarded_line
from synapse_core.runs.journal import JournalWriter
from synapse_core.types import JSONObject
from tests.runs.scripts import run_script

Say = Callable[[bytes], None]


class Heard:
    """A sink that keeps what it is given, and may refuse it."""

    def __init__(self) -> None:
        self.events: list[JSONObject] = []
        self.is_full = False

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        if self.is_full:
            raise JournalError("full")
        assert kind is EventKind.LOG
        self.events.append(data)
        return len(self.events)

    @property
    def texts(self) -> list[object]:
        return [event["message"] for event in self.events]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "output.log"


@pytest.fixture
def say(path: Path) -> Say:
    path.touch()

    def say(text: bytes) -> None:
        with path.open("ab") as file:
            file.write(text)

    return say


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_whole_lines_become_events_and_the_rest_waits(path: Path, say: Say, heard: Heard) -> None:
    reader = OutputReader(path, heard, offset=0)
    say(b"one\n\ntw")
    reader.drain()
    assert heard.events == [
        {"level": "info", "message": "one", "source": "output", "offset": 4},
        {"level": "info", "message": "", "source": "output", "offset": 5},
    ]
    say(b"o\nrest")
    reader.drain()
    assert heard.texts == ["one", "", "two"]
    assert reader.offset == 9

    reader.finish()
    assert heard.texts == ["one", "", "two", "rest"]
    assert reader.offset == path.stat().st_size


def test_reading_begins_at_the_offset(path: Path, say: Say, heard: Heard) -> None:
    say(b"of an earlier attempt\nmine\n")
    OutputReader(path, heard, offset=22).finish()

    assert heard.texts == ["mine"]


def test_a_file_that_is_not_there_yet_says_nothing(path: Path, heard: Heard) -> None:
    reader = OutputReader(path, heard, offset=0)
    reader.drain()
    reader.finish()
    assert reader.offset == 0

    reader = OutputReader(path, heard, offset=0)
    path.write_bytes(b"here\n")
    reader.drain()
    assert heard.texts == ["here"]


def test_nothing_is_emitted_after_the_finish(path: Path, say: Say, heard: Heard) -> None:
    reader = OutputReader(path, heard, offset=0)
    say(b"one\n")
    reader.finish()
    say(b"somebody else records this\n")
    reader.drain()
    reader.finish()

    assert (heard.texts, reader.offset) == (["one"], 4)


def test_bytes_that_are_no_text_are_shown_escaped(path: Path, say: Say, heard: Heard) -> None:
    say(b"caf\xc3\xa9 \xff\xfe \xed\xa0\x80\n")
    OutputReader(path, heard, offset=0).drain()

    assert heard.texts == ["café \\xff\\xfe \\xed\\xa0\\x80"]


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        (b"windows\r\n", ["windows"]),
        (b"\r 10%\r 50%\r100%\n", ["100%"]),
        (b"100%\r    \rdone\n", ["done"]),
        (b"100%\r    \r\n", ["100%"]),
        (b"\r\r\n", [""]),
    ],
)
def test_of_a_line_drawn_anew_the_last_drawing_counts(
    path: Path, say: Say, heard: Heard, said: bytes, texts: list[str]
) -> None:
    say(said)
    OutputReader(path, heard, offset=0).drain()

    assert heard.texts == texts


def test_an_unfinished_progress_bar_is_seen_but_not_at_every_drawing(
    path: Path, say: Say, heard: Heard
) -> None:
    reader = OutputReader(path, heard, offset=0)
    for percent in range(100):
        say(b"\r%d%%" % percent)
        reader.drain()
    # A slow machine may be given time for a second one.
    assert 1 <= len(heard.events) <= 10
    assert heard.texts[0] == "0%"

    say(b"\n")
    reader.drain()
    assert heard.texts[-1] == "99%"


def test_a_progress_bar_without_end_is_bounded(path: Path, say: Say, heard: Heard) -> None:
    say(b"".join(b"\r%9d of many" % number for number in range(100_000)))
    OutputReader(path, heard, offset=0).drain()

    assert 20 < len(heard.events) < 40
    assert all(str(text).endswith(" of many") for text in heard.texts)
    assert all("more" not in event for event in heard.events)


def test_a_huge_line_goes_on_in_further_events(path: Path, say: Say, heard: Heard) -> None:
    words = b" ".join(b"%06d" % number for number in range(300_000))
    say(words + b"\nnext\n")
    OutputReader(path, heard, offset=0).drain()
    *parts, last, following = heard.events

    assert "".join(str(part["message"]) for part in (*parts, last)) == words.decode()
    assert all(part["more"] is True for part in parts)
    assert "more" not in last
    assert following["message"] == "next"
    # Cut at spaces, so that no secret is cut in two.
    assert all(str(part["message"]).endswith(" ") for part in parts)


def test_a_huge_line_takes_little_memory(path: Path) -> None:
    with path.open("wb") as file:
        for _ in range(300):
            file.write(b"x" * 100_000)
        file.write(b"\n" * 100_000)

    class Counting(Heard):
        count = 0

        def emit(self, kind: EventKind, data: JSONObject) -> int:
            del kind, data
            self.count += 1
            return self.count

    sink = Counting()
    tracemalloc.start()
    try:
        OutputReader(path, sink, offset=0).drain()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sink.count > 100_000
    assert peak < 12_000_000


@given(
    parts=st.lists(st.sampled_from([b"a", b"\n", "é".encode(), b"\xff", b" ", b"x" * 70_000])),
    cuts=st.integers(min_value=1, max_value=5),
)
def test_no_byte_is_lost_or_doubled_however_it_comes(
    parts: list[bytes], cuts: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "output"
    path.write_bytes(b"")
    heard = Heard()
    reader = OutputReader(path, heard, offset=0)
    for start in range(0, len(parts), cuts):
        with path.open("ab") as file:
            file.write(b"".join(parts[start : start + cuts]))
        reader.drain()
    reader.finish()

    said = b"".join(parts).decode("utf-8", "backslashreplace")
    texts = [f"{event['message']}{'' if event.get('more') else chr(10)}" for event in heard.events]
    assert "".join(texts) == (said if said.endswith("\n") or not said else f"{said}\n")
    assert reader.offset == len(b"".join(parts))


def test_what_could_not_be_recorded_is_recorded_later(path: Path, say: Say, heard: Heard) -> None:
    reader = OutputReader(path, heard, offset=0)
    say(b"one\ntwo\n")
    heard.is_full = True
    with pytest.raises(JournalError):
        reader.drain()
    heard.is_full = False
    reader.drain()

    assert heard.texts == ["one", "two"]


def test_an_emptied_file_is_read_from_its_beginning(path: Path, say: Say, heard: Heard) -> None:
    """`echo … > /dev/stdout` in a child process empties what stdout leads to."""
    reader = OutputReader(path, heard, offset=0)
    say(b"a long line before\n")
    reader.drain()
    os.truncate(path, 0)
    say(b"after\n")
    reader.drain()

    assert heard.texts == ["a long line before", "after"]


def test_reading_goes_on_when_user_code_closes_every_descriptor(path: Path) -> None:
    code = """
        import os, sys
        from synapse_core.runs.captured import OutputReader
        class Sink:
            texts = []
            def emit(self, kind, data):
                self.texts.append(data["message"])
        reader = OutputReader(sys.argv[1], Sink(), offset=0)
        def say(text):
            with open(sys.argv[1], "a") as file:
                file.write(text)
        say("before\\n")
        reader.drain()
        os.closerange(3, 4096)
        say("after\\n")
        reader.drain()
        assert Sink.texts == ["before", "after"], Sink.texts
    """
    run_script(code, path)


def test_the_last_offset_is_found_from_the_end(tmp_path: Path) -> None:
    journal = Home(tmp_path).journal("20260101-000000-00000001")
    journal.parent.mkdir(parents=True)
    assert last_offset(journal) == 0

    with JournalWriter.open(journal) as writer:
        writer.emit(EventKind.STATUS, {"status": "running"})
    assert last_offset(journal) == 0

    with JournalWriter.open(journal) as writer:
        writer.emit(EventKind.LOG, {"message": "x", "source": "output", "offset": 7})
        writer.emit(EventKind.LOG, {"message": "x", "source": "output", "offset": 99})
        writer.emit(EventKind.LOG, {"message": 'it says "offset":5', "fields": {"offset": 1}})
        writer.emit(EventKind.LOG, {"message": "y" * 300_000})
    with journal.open("ab") as file:
        file.write(b'{"seq":9,"offset":1234')
    assert last_offset(journal) == 99


def test_events_of_a_fork_become_what_they_were(path: Path, say: Say) -> None:
    class Kept:
        events: list[tuple[EventKind, JSONObject]]

        def __init__(self) -> None:
            self.events = []

        def emit(self, kind: EventKind, data: JSONObject) -> int:
            self.events.append((kind, data))
            return len(self.events)

    kept = Kept()
    long = "long " * 40_000
    say(b"plain\n")
    say(forwarded_line(EventKind.METRICS, {"category": "c", "values": {"a": 1}}))
    say(forwarded_line(EventKind.MESSAGE, {"level": "info", "message": long}))
    say(forwarded_line(EventKind.LOG, {"message": "cut off"})[:-9] + b"\n")
    OutputReader(path, ForwardedEvents(kept), offset=0).drain()
    plain, metrics, message, broken = kept.events

    assert plain[1]["message"] == "plain"
    assert metrics[0] is EventKind.METRICS
    assert metrics[1]["values"] == {"a": 1}
    assert message[0] is EventKind.MESSAGE
    assert message[1]["message"] == long
    assert broken[0] is EventKind.LOG
    assert str(broken[1]["message"]).endswith('{"message": "cu')
    assert broken[1]["offset"] == path.stat().st_size

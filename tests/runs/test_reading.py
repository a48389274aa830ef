import os
import threading
import tracemalloc
from pathlib import Path

import pytest

from synapse_core.config.home import Home
from synapse_core.errors import CursorError, JournalError, RunNotFoundError
from synapse_core.model.event import EventKind
from synapse_core.model.run import RunSummary
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.reading import Journals
from tests.runs.scripts import started_script

RUN = "20260101-000000-00000001"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.run_dir(RUN).mkdir(parents=True)
    return home


@pytest.fixture
def journals(home: Home) -> Journals:
    return Journals(home)


@pytest.fixture
def path(home: Home) -> Path:
    """The journal, of five lines."""
    path = home.journal(RUN)
    with JournalWriter.open(path) as writer:
        for number in range(1, 6):
            writer.emit(EventKind.LOG, {"message": f"line {number}", "level": "info"})
    return path


@pytest.mark.parametrize("run_id", ["", "..", "../../../etc/passwd", "last", f"{RUN}/", f"{RUN}\n"])
def test_what_is_no_run_id_leads_nowhere(journals: Journals, run_id: str) -> None:
    with pytest.raises(RunNotFoundError):
        journals.read(run_id)
    with pytest.raises(RunNotFoundError):
        journals.tail(run_id, 1)
    with pytest.raises(RunNotFoundError):
        journals.wait(run_id, None, timeout_s=0)
    with pytest.raises(RunNotFoundError):
        journals.summarise(run_id, RunSummary())


@pytest.mark.parametrize("rest", [b'{"seq":6,"time":1', b"\0" * 100, b"x" * 300_000])
def test_a_half_written_line_is_no_event_yet(journals: Journals, path: Path, rest: bytes) -> None:
    end = journals.read(RUN).next_cursor
    with path.open("ab") as file:
        file.write(rest)

    assert journals.read(RUN).next_cursor == end
    assert journals.tail(RUN, 9).next_cursor == end
    assert journals.summarise(RUN, RunSummary()).seq == 5
    assert not journals.wait(RUN, end, timeout_s=0.02)


def damage(path: Path, line: int, content: bytes) -> int:
    """Replace a line, counted from 1, and return where it begins."""
    lines = path.read_bytes().splitlines(keepends=True)
    start = sum(len(line) for line in lines[: line - 1])
    lines[line - 1] = content
    path.write_bytes(b"".join(lines))
    return start


@pytest.mark.parametrize(
    "content",
    [
        b"\n",
        b"something else\n",
        b'{"seq":3,"time":1.000000,"kind":"log","data":{"message":\n',
        b'{"seq":3,"time":1.000000,"kind":"log","data":[]}\n',
        b'{"seq":3,"time":1.000000,"kind":"log","data":{"a":\xff}}\n',
        b'{"seq":-3,"time":1.000000,"kind":"log","data":{}}\n',
        b'{"seq":3,"time":NaN,"kind":"log","data":{}}\n',
    ],
)
def test_a_damaged_line_is_named(journals: Journals, path: Path, content: bytes) -> None:
    start = damage(path, 3, content)

    for look in (
        lambda: journals.read(RUN),
        lambda: journals.tail(RUN, 5),
        lambda: journals.summarise(RUN, RunSummary()),
    ):
        with pytest.raises(JournalError, match=f"Line 3 of .*, at byte {start}") as caught:
            look()
        assert (caught.value.data["line"], caught.value.data["offset"]) == (3, start)


def test_what_stands_before_and_after_a_damage_can_be_read(journals: Journals, path: Path) -> None:
    damage(path, 3, b"something else\n")

    assert [event.seq for event in journals.read(RUN, limit=2).items] == [1, 2]
    assert [event.seq for event in journals.tail(RUN, 2).items] == [4, 5]


def test_kinds_of_a_later_version_are_passed_over(journals: Journals, path: Path) -> None:
    damage(path, 3, b'{"seq":3,"time":1.000000,"kind":"telepathy","data":{}}\n')

    assert [event.seq for event in journals.read(RUN).items] == [1, 2, 4, 5]


def test_numbers_of_thousands_of_digits_are_read_as_text(journals: Journals, path: Path) -> None:
    digits = b"9" * 5000
    damage(path, 3, b'{"seq":3,"time":1.000000,"kind":"log","data":{"big":%b}}\n' % digits)

    assert journals.read(RUN).items[2].data == {"big": digits.decode()}


def test_a_cursor_behind_a_journal_that_was_cut_short_is_refused(
    journals: Journals, path: Path
) -> None:
    cursor = journals.read(RUN).next_cursor
    os.truncate(path, 0)

    with pytest.raises(CursorError, match="behind the end"):
        journals.read(RUN, after=cursor)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_journal_that_may_not_be_read_says_so(journals: Journals, path: Path) -> None:
    path.chmod(0)

    with pytest.raises(JournalError, match="cannot be read: Permission denied"):
        journals.read(RUN)


def test_a_reader_never_sees_half_an_event_of_a_busy_writer(journals: Journals, home: Home) -> None:
    code = """
        import sys
        from pathlib import Path
        from synapse_core.model.event import EventKind
        from synapse_core.runs.journal import JournalWriter
        with JournalWriter.open(Path(sys.argv[1])) as writer:
            for number in range(1, 4001):
                writer.emit(EventKind.LOG, {"message": "x" * (number * 37 % 9000)})
            writer.emit(EventKind.STATUS, {"status": "succeeded"})
    """
    seen: list[int] = []
    cursor = None
    with started_script(code, home.journal(RUN)):
        while not seen or seen[-1] < 4001:
            page = journals.read(RUN, after=cursor)
            for event in page.items:
                assert len(str(event.data.get("message", ""))) in {0, event.seq * 37 % 9000}
            seen += [event.seq for event in page.items]
            tail = journals.tail(RUN, 3).items
            assert [event.seq for event in tail] == sorted(event.seq for event in tail)
            cursor = page.next_cursor
            if not page.items:
                journals.wait(RUN, cursor, timeout_s=10)

    assert seen == list(range(1, 4002))


def test_many_followers_are_woken_by_one_write(journals: Journals, path: Path) -> None:
    cursor = journals.read(RUN).next_cursor
    woken: list[bool] = []
    followers = [
        threading.Thread(target=lambda: woken.append(journals.wait(RUN, cursor, timeout_s=20)))
        for _ in range(20)
    ]
    for follower in followers:
        follower.start()
    with JournalWriter.open(path) as writer:
        writer.emit(EventKind.LOG, {"message": "later"})
    for follower in followers:
        follower.join()

    assert woken == [True] * 20


def test_reading_and_folding_a_long_journal_takes_little_memory(
    journals: Journals, path: Path
) -> None:
    line = b'{"seq":6,"time":1.000000,"kind":"log","data":{"level":"info","message":"%b"}}\n'
    with path.open("ab") as file:
        for _ in range(15):
            file.write((line % (b"x" * 900)) * 1000)  # 15 MB
    tracemalloc.start()
    try:
        journals.tail(RUN, 100)
        journals.read(RUN, kinds=frozenset({EventKind.STATUS}))
        journals.summarise(RUN, RunSummary())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 4_000_000

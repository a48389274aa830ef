"""The log of several replicas: in the order of time, by cursor, bounded."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from synapse_core.errors import CursorError
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import LogLevel, LogSource
from synapse_core.serving import log_files
from synapse_core.serving.log_files import LogWriter, read_page

Writer = Callable[..., LogWriter]


@pytest.fixture
def writer() -> Iterator[Writer]:
    """Opens logs, and closes them."""
    with ExitStack() as opened:

        def write(folder: Path, replica: str = "r1", *secrets: str) -> LogWriter:
            log = LogWriter(folder, replica, Redactor(secrets))
            opened.callback(log.close)
            return log

        yield write


def say(log: LogWriter, *texts: str) -> None:
    for text in texts:
        log.write(LogLevel.INFO, LogSource.STDOUT, text)


def texts(folder: Path, **query: object) -> list[str]:
    page = read_page(folder, **query)  # pyright: ignore[reportArgumentType] - as the test gives them
    return [line.message for line in page.lines]


def test_replicas_are_read_in_the_order_of_time(tmp_path: Path, writer: Writer) -> None:
    first, second = writer(tmp_path), writer(tmp_path, "r2")
    say(first, "one")
    say(second, "two")
    say(first, "three")

    page = read_page(tmp_path)

    assert [(line.replica, line.message) for line in page.lines] == [
        ("r1", "one"),
        ("r2", "two"),
        ("r1", "three"),
    ]
    assert page.eof


def test_pages_are_the_whole_without_gap_or_double(tmp_path: Path, writer: Writer) -> None:
    logs = [writer(tmp_path, f"r{number}") for number in range(3)]
    for number in range(50):
        say(logs[number % 3], f"line {number}")

    read: list[str] = []
    cursor = None
    while True:
        page = read_page(tmp_path, cursor=cursor, limit=7)
        read += [line.message for line in page.lines]
        cursor = page.next_cursor
        if page.eof:
            break

    assert read == [f"line {number}" for number in range(50)]


def test_a_cursor_sees_what_comes_later_also_of_new_replicas(
    tmp_path: Path, writer: Writer
) -> None:
    first = writer(tmp_path)
    say(first, "old")
    cursor = read_page(tmp_path).next_cursor
    say(first, "new")
    say(writer(tmp_path, "r2"), "newer")

    assert texts(tmp_path, cursor=cursor) == ["new", "newer"]


def test_the_tail_ends_where_the_log_does(tmp_path: Path, writer: Writer) -> None:
    log = writer(tmp_path)
    say(log, "one", "two", "three")

    page = read_page(tmp_path, tail=2)
    say(log, "four")

    assert [line.message for line in page.lines] == ["two", "three"]
    assert texts(tmp_path, tail=0) == []
    assert texts(tmp_path, cursor=page.next_cursor) == ["four"]


def test_each_line_of_a_text_is_one_without_secrets(tmp_path: Path, writer: Writer) -> None:
    say(writer(tmp_path, "r1", "hunter2-hunter2"), "first\nwith hunter2-hunter2\n", "")

    assert texts(tmp_path) == ["first", "with [redacted]", ""]


def test_a_line_that_is_being_written_is_read_later(tmp_path: Path, writer: Writer) -> None:
    log = writer(tmp_path)
    say(log, "whole")
    file = next(tmp_path.glob("*.jsonl"))
    half = file.read_bytes()[:20]
    with file.open("ab") as more:
        more.write(half)

    page = read_page(tmp_path)

    assert [line.message for line in page.lines] == ["whole"]


def test_it_does_not_grow_without_end(tmp_path: Path, writer: Writer) -> None:
    log = writer(tmp_path)
    text = "x" * 15_000
    for _ in range(3 * log_files.MAX_FILE_BYTES // len(text)):
        say(log, text)

    sizes = [file.stat().st_size for file in tmp_path.glob("*.jsonl")]
    assert len(sizes) == 2
    assert sum(sizes) < 2.1 * log_files.MAX_FILE_BYTES


@pytest.mark.parametrize("cursor", ["nonsense", "W10=", "eyJhIjoieCJ9"])
def test_a_cursor_of_somebody_else_is_refused(tmp_path: Path, cursor: str) -> None:
    with pytest.raises(CursorError):
        read_page(tmp_path, cursor=cursor)


def test_there_may_be_nothing_yet(tmp_path: Path) -> None:
    assert read_page(tmp_path / "missing").lines == ()

"""Logs are read by page, filtered, and followed while they are written."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synapse_core.errors import CursorError, InvalidInputError, RunNotFoundError
from synapse_core.model.event import EventKind, LogLevel
from synapse_core.model.run import Run
from synapse_core.operations.logs import (
    LogPage,
    LogQuery,
    follow_events,
    follow_logs,
    read_logs,
    read_messages,
    read_metrics,
    wait_change,
)
from synapse_core.workspace import Workspace, open_workspace
from tests.operations.journals import Said, add_run, end_run, log, say


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder: Path = tmp_path_factory.mktemp("logs")
    (folder / "plugins").mkdir()
    with open_workspace(folder / "home", [folder / "plugins"]) as workspace:
        yield workspace


@pytest.fixture
def counted(workspace: Workspace) -> Run:
    """A run that has counted to a hundred, each tenth line a warning, and ended."""
    said = [log(f"line {n}", "warning" if n % 10 == 0 else "info") for n in range(1, 101)]
    return end_run(workspace, add_run(workspace, *said))


def texts(page: LogPage) -> list[str]:
    return [line.text for line in page.lines if line.source != "status"]


def all_pages(workspace: Workspace, run: Run, query: LogQuery) -> list[str]:
    """Return the lines of every page, and see that only the last one is the end."""
    found: list[str] = []
    cursor = None
    while True:
        page = read_logs(
            workspace,
            run.id,
            LogQuery(
                cursor=cursor,
                level=query.level,
                grep=query.grep,
                max_chars=query.max_chars,
                limit=query.limit,
            ),
        )
        found += texts(page)
        assert page.eof == (not page.truncated)
        if page.eof:
            return found
        cursor = page.next_cursor


def test_the_total_is_the_number_of_lines_that_are_shown(workspace: Workspace) -> None:
    run = add_run(
        workspace,
        log("one"),
        (EventKind.MESSAGE, {"level": "info", "message": "for a person"}),
        (EventKind.STEP, {"name": "load", "transition": "started"}),
        (EventKind.PROGRESS, {"category": "main", "current": 1, "total": 2, "percent": 50.0}),
        (EventKind.ERROR, {"type": "ValueError", "message": "no good"}),
    )
    end_run(workspace, run)
    page = read_logs(workspace, run.id, LogQuery())

    assert page.total_lines == len(page.lines) == 6
    assert page.total_bytes == workspace.home.journal(run.id).stat().st_size
    assert (page.truncated, page.eof) == (False, True)


def test_the_tail_is_the_end_in_order(workspace: Workspace, counted: Run) -> None:
    page = read_logs(workspace, counted.id, LogQuery(tail=4))

    assert texts(page) == ["line 98", "line 99", "line 100"]
    assert page.eof


def test_only_lines_of_enough_weight_are_read(workspace: Workspace, counted: Run) -> None:
    page = read_logs(workspace, counted.id, LogQuery(level=LogLevel.WARNING))

    assert texts(page) == [f"line {n}" for n in range(10, 101, 10)]
    assert page.total_lines == 102


def test_lines_are_searched_for_without_regard_to_case(workspace: Workspace, counted: Run) -> None:
    page = read_logs(workspace, counted.id, LogQuery(grep="LINE 5[5-7]$", context=1))

    assert texts(page) == ["line 54", "line 55", "line 56", "line 57", "line 58"]


def test_a_tail_of_what_is_found_looks_as_far_back_as_it_must(
    workspace: Workspace, counted: Run
) -> None:
    page = read_logs(workspace, counted.id, LogQuery(tail=2, grep="line [12]$"))

    assert texts(page) == ["line 1", "line 2"]


def test_what_is_no_expression_is_told(workspace: Workspace, counted: Run) -> None:
    with pytest.raises(InvalidInputError, match="no regular expression"):
        read_logs(workspace, counted.id, LogQuery(grep="("))


def test_a_cursor_of_another_run_and_an_unknown_run_are_refused(
    workspace: Workspace, counted: Run
) -> None:
    other = read_logs(workspace, add_run(workspace, log("x")).id, LogQuery()).next_cursor

    with pytest.raises(CursorError):
        read_logs(workspace, counted.id, LogQuery(cursor=other))
    with pytest.raises(RunNotFoundError):
        read_logs(workspace, "20200101-000000-aaaaaaaa", LogQuery())


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    max_chars=st.integers(1, 200),
    limit=st.integers(1, 30),
    level=st.sampled_from([None, LogLevel.WARNING]),
    grep=st.sampled_from([None, "7", "line"]),
)
def test_pages_of_any_size_lose_and_repeat_nothing(
    workspace: Workspace,
    counted: Run,
    max_chars: int,
    limit: int,
    level: LogLevel | None,
    grep: str | None,
) -> None:
    query = LogQuery(max_chars=max_chars, limit=limit, level=level, grep=grep)
    whole = read_logs(workspace, counted.id, LogQuery(level=level, grep=grep))
    lines = all_pages(workspace, counted, query)

    if max_chars >= len("line 100"):
        assert lines == texts(whole)
    assert len(lines) == len(texts(whole))


def test_a_page_keeps_to_its_size_and_a_long_line_says_what_is_missing(
    workspace: Workspace,
) -> None:
    run = end_run(workspace, add_run(workspace, log("x" * 5000), log("short")))
    first = read_logs(workspace, run.id, LogQuery(max_chars=1000))
    page = read_logs(workspace, run.id, LogQuery(max_chars=1000, cursor=first.next_cursor))

    assert (texts(first), first.truncated, page.truncated) == ([], True, True)
    assert len(page.lines) == 1
    assert page.lines[0].text == f"{'x' * 1000} … [4000 more characters]"


def test_no_line_can_pass_for_two_or_move_the_cursor_of_a_terminal(workspace: Workspace) -> None:
    run = add_run(workspace, log("one\nstatus succeeded\x1b[2J\x1b]0;x\x07\u202e"))
    (_, line) = read_logs(workspace, run.id, LogQuery()).lines

    assert line.text == "one\n  status succeeded\\u202e"


def test_lines_are_followed_from_the_tail_to_the_end(workspace: Workspace) -> None:
    run = add_run(workspace, log("one"), log("two"))
    followed: list[str] = []
    has_tail = threading.Event()

    def follow() -> None:
        for line in follow_logs(workspace, run.id, LogQuery(tail=1, grep="o")):
            followed.append(line.text)
            has_tail.set()

    follower = threading.Thread(target=follow)
    follower.start()
    assert has_tail.wait(20)
    say(workspace, run, log("four"), log("seven"))
    end_run(workspace, run)
    follower.join(20)

    assert followed == ["two", "four"]


def test_a_follower_is_woken_by_the_write(workspace: Workspace) -> None:
    run = add_run(workspace)
    took: list[float] = []
    for number in range(9):
        cursor = workspace.journals.tail(run.id, 1).next_cursor or ""
        written: list[float] = []

        def write(number: int = number, written: list[float] = written) -> None:
            written.append(time.monotonic())
            say(workspace, run, log(str(number)))

        writer = threading.Timer(0.02, write)
        writer.start()
        change = wait_change(workspace, run.id, cursor, timeout_s=20)
        took.append(time.monotonic() - written[0])
        writer.join()
        assert (change.has_lines, change.is_end) == (True, False)

    assert sorted(took)[4] < 0.1, took


def test_a_silent_run_is_followed_without_a_busy_loop(workspace: Workspace) -> None:
    run = add_run(workspace, log("one"))
    started = time.thread_time()
    followed = follow_events(workspace, run.id, idle_s=0.2)
    events = [next(followed) for _ in range(4)]

    assert [event is None for event in events] == [False, False, True, True]
    assert time.thread_time() - started < 0.1


def test_a_series_has_every_value_of_a_metric(workspace: Workspace) -> None:
    said: list[Said] = [
        (EventKind.METRICS, {"category": "train", "values": {"loss": 1 / n, "lr": 0.1}})
        for n in range(1, 6)
    ]
    run = add_run(workspace, *said, log("between"))
    series = read_metrics(workspace, run.id, name="loss")

    assert list(series) == ["train/loss"]
    assert [point.value for point in series["train/loss"]] == [1 / n for n in range(1, 6)]
    assert set(read_metrics(workspace, run.id)) == {"train/loss", "train/lr"}
    assert len(read_metrics(workspace, run.id, limit=2)["train/lr"]) == 2


def test_messages_for_a_person_are_read_alone(workspace: Workspace) -> None:
    message = {"level": "danger", "message": "Disk\x1b[1m nearly full"}
    run = add_run(workspace, log("one"), (EventKind.MESSAGE, {**message}))

    (line,) = read_messages(workspace, run.id)
    assert (line.text, line.level) == ("Disk nearly full", LogLevel.ERROR)

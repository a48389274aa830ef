"""How pipelines are shown and drawn."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from synapse_core.model.pipeline_progress import ActionProgress, PipelineProgress
from synapse_core.model.run import RunStatus
from synapse_core.pipelines import display_progress, display_progress_async

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 1, 1, 0, 1, 5, tzinfo=UTC)


class Screen(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def stood(*statuses: RunStatus, error: str | None = None) -> PipelineProgress:
    nodes = [
        ActionProgress(
            name=f"n{number}",
            status=status,
            progress=0.5 if status is RunStatus.RUNNING else float(status.is_terminal),
            needs=[f"n{number - 1}"] if number else [],
            message=f"says \x1b[2J{number}",
            error=error if status is RunStatus.FAILED else None,
            started_at=START if status is not RunStatus.PENDING else None,
            completed_at=END if status.is_terminal else None,
        )
        for number, status in enumerate(statuses)
    ]
    is_over = all(status.is_terminal for status in statuses)
    whole = RunStatus.FAILED if error else RunStatus.SUCCEEDED if is_over else RunStatus.RUNNING
    return PipelineProgress(
        run_id="r", pipeline_id="p", status=whole, progress=nodes, error=error, started_at=START,
        completed_at=END if is_over else None,
    )  # fmt: skip


R, P, S, F = RunStatus.RUNNING, RunStatus.PENDING, RunStatus.SUCCEEDED, RunStatus.FAILED
STREAM = [stood(R, P), stood(R, P), stood(S, R), stood(S, F, error="no\nluck")]


def test_a_pipe_gets_a_line_for_each_change() -> None:
    file = io.StringIO()

    last = display_progress(STREAM, file)

    assert last == STREAM[-1]
    lines = file.getvalue().splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "n0  running", "n0  succeeded after 1", "n1  running", "n1  failed after 1",
        "p failed  2/2 nodes  1",
    ]  # fmt: skip
    assert lines[-1].endswith("no luck")
    assert "\x1b" not in file.getvalue()


def test_a_terminal_gets_a_tree_with_bars() -> None:
    screen = Screen()

    display_progress(STREAM, screen)

    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    assert "p running" in text
    assert "✔ n0" in text
    assert "✘   n1" in text  # it stands below n0
    assert "━" in text
    assert "\x1b[2J" not in screen.getvalue()


def test_more_nodes_than_fit_leave_those_that_matter() -> None:
    screen = Screen()

    display_progress([stood(*[S] * 60, R, *[P] * 60)], screen)

    text = screen.getvalue()
    assert "n60" in text
    assert "more nodes" in text


def test_an_asynchronous_stream_is_shown_as_well() -> None:
    async def stream() -> AsyncIterator[PipelineProgress]:
        for one in STREAM:
            yield one

    file = io.StringIO()

    last = asyncio.run(display_progress_async(stream(), file))

    assert last == STREAM[-1]
    assert "n1  failed" in file.getvalue()


def test_a_stream_without_anything_shows_nothing() -> None:
    file = io.StringIO()

    assert display_progress([], file) is None
    assert file.getvalue() == ""

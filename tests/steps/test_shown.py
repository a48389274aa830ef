"""How the steps of a run are shown by its doors."""

import io

import pytest
from rich.console import Console

from synapse_core.model.event import Event, EventKind, LogLevel
from synapse_core.model.run import Progress, Run, RunStatus, RunSummary
from synapse_core.operations.logs import log_line
from synapse_core.types import JSONObject
from synapse_mcp.cli.live_screen import LiveScreen
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.run_view import write_run
from synapse_mcp.results.runs import build_run_view

STEPS = {"fetch": "resumed", "load": "succeeded", "train": "started"}


def a_run(status: RunStatus, steps: dict[str, str]) -> Run:
    return Run(
        id="20260131-120000-abcdefgh",
        plugin="shapes",
        action="draw",
        entrypoint="actions:draw",
        plugin_path="/shapes",
        status=status,
        created_at=1_769_860_800.0,
        summary=RunSummary(
            steps=steps,
            progress={
                "main": Progress("main", 70, 100, 70.0),
                "load": Progress("load", 9, 10, 90.0),
                "train": Progress("train", 2, 5, 40.0),
            },
        ),
    )


@pytest.mark.parametrize(
    ("data", "level", "text"),
    [
        (
            {"transition": "started", "attempt": 1, "duration_s": None, "error": None},
            LogLevel.INFO,
            "step 2/3 train started",
        ),
        (
            {"transition": "succeeded", "attempt": 1, "duration_s": 1.25, "error": None},
            LogLevel.INFO,
            "step 2/3 train succeeded after 1.250 s",
        ),
        (
            {"transition": "retried", "attempt": 2, "duration_s": 0.5, "error": "OSError: no"},
            LogLevel.WARNING,
            "step 2/3 train retried, attempt 2 after 0.500 s: OSError: no",
        ),
        (
            {"transition": "rollback_failed", "attempt": 1, "duration_s": 0.5, "error": "E"},
            LogLevel.ERROR,
            "step 2/3 train rollback failed after 0.500 s: E",
        ),
    ],
)
def test_a_transition_is_a_line_of_the_log(data: JSONObject, level: LogLevel, text: str) -> None:
    event = Event(1, 0.0, EventKind.STEP, {"name": "train", "number": 2, "total": 3, **data})

    line = log_line(event)

    assert line is not None
    assert (line.level, line.text) == (level, text)


def test_the_command_line_shows_a_step_in_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_run(Output(), a_run(RunStatus.RUNNING, STEPS))

    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "progress main 70% (70/100)" in lines
    assert "steps fetch resumed" in lines
    assert "load succeeded" in lines
    assert "train started 40% (2/5)" in lines


def test_a_terminal_shows_the_steps_as_a_tree() -> None:
    screen = LiveScreen(Output())
    screen.begin(a_run(RunStatus.RUNNING, STEPS), ())
    screen.show(Event(1, 0.0, EventKind.STEP, {"name": "check", "transition": "skipped"}))

    picture = Console(file=io.StringIO(), width=120, record=True)
    for part in screen.picture():
        picture.print(part)
    screen.end(None)

    lines = [line.rstrip() for line in picture.export_text().splitlines()]
    assert any(line.startswith("main ") and "70%" in line for line in lines)
    assert [line.split("  ")[0] for line in lines if line.startswith(("├", "└"))] == [
        "├ ✓ fetch",
        "├ ✓ load",
        "├ ▶ train",
        "└ » check",
    ]
    assert any("▶ train" in line and "40%" in line and "2/5" in line for line in lines)


def test_an_agent_sees_the_steps_and_the_progress_of_the_running_one() -> None:
    view = build_run_view(a_run(RunStatus.RUNNING, STEPS), 6_000)

    assert view.steps == STEPS
    assert [progress.category for progress in view.progress or ()] == ["main", "train"]


def test_an_agent_is_told_to_resume_what_has_kept_steps() -> None:
    kept = build_run_view(a_run(RunStatus.FAILED, {"load": "succeeded", "train": "failed"}), 6_000)
    undone = build_run_view(a_run(RunStatus.FAILED, {"load": "rolled_back"}), 6_000)

    assert any("resume" in call for call in kept.next)
    assert not any("resume" in call for call in undone.next)

"""The context, the streams and the bridge where they belong: in the process of a run."""

from pathlib import Path

import pytest

from synapse_core.model.event import EventKind
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.runs import StartRun, start_run, wait_run
from synapse_core.types import JSONObject
from synapse_core.workspace import Workspace, open_workspace

ACTIONS = """
import logging
import multiprocessing
import os
import subprocess
import sys
import threading
import warnings

from synapse_core import RuntimeContext, action


@action()
def talk(ctx: RuntimeContext) -> str:
    print("print")
    os.write(1, b"descriptor\\n")
    subprocess.run(["echo", "child"], check=True)
    logging.getLogger("lib").info("logging")
    warnings.warn("warning")
    ctx.logger.info("context")
    sys.__stdout__.write("original stream\\n")
    sys.__stdout__.flush()
    print("standard error", file=sys.stderr)
    print("half a line", end="")
    return "said"


@action()
def resume(ctx: RuntimeContext) -> int:
    state = ctx.load_checkpoint("train")
    if state is None:
        ctx.save_checkpoint("train", {"epoch": 7})
        os._exit(3)
    return state["epoch"]


@action()
def hurry(ctx: RuntimeContext) -> None:
    for turn in range(1234):
        ctx.set_progress(turn, 10**6)


@action()
def fork(ctx: RuntimeContext) -> None:
    print("begun ", end="")
    ctx.set_progress(1, 10**6)
    ctx.set_progress(2, 10**6)

    def report() -> None:
        print("from the fork")
        ctx.logger.info("logged in the fork")
        ctx.save_artifact(b"made in the fork", "fork.txt")

    process = multiprocessing.get_context("fork").Process(target=report)
    process.start()
    process.join()
    print("and ended")


@action()
def hold_on(ctx: RuntimeContext) -> None:
    sys.stdout.close()
    sys.stderr.close()
    print("said to a closed stream")
    thread = threading.Thread(target=lambda: ctx.logger.info("from a thread"))
    thread.start()
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    folder = tmp_path / "talker"
    folder.mkdir()
    names = ("talk", "resume", "hurry", "fork", "hold_on")
    listed = "".join(f"  {name}:\n    entrypoint: acts:{name}\n" for name in names)
    (folder / "config.yaml").write_text(
        f"name: Talker\ncode: talker\nversion: 0.1.0\nactions:\n{listed}", encoding="utf-8"
    )
    (folder / "acts.py").write_text(ACTIONS, encoding="utf-8")
    return folder


def run(workspace: Workspace, plugin: Path, action: str, retries: int = 0) -> Run:
    started = start_run(workspace, StartRun(plugin=str(plugin), action=action, retries=retries))
    return wait_run(workspace, started.id, timeout_s=50)


def events(workspace: Workspace, done: Run, kind: EventKind) -> list[JSONObject]:
    page = workspace.journals.read(done.id, kinds=frozenset({kind}))
    return [event.data for event in page.items]


def test_whatever_an_action_says_is_heard_in_its_order(tmp_path: Path, plugin: Path) -> None:
    with open_workspace(tmp_path / "home", [tmp_path]) as workspace:
        done = run(workspace, plugin, "talk")
        said = events(workspace, done, EventKind.LOG)

    assert done.result == "said"
    assert [(line["source"], line["message"]) for line in said] == [
        ("stdout", "print"),
        ("output", "descriptor"),
        ("output", "child"),
        ("logging", "logging"),
        ("warnings", "UserWarning: warning"),
        ("action", "context"),
        ("output", "original stream"),
        ("stderr", "standard error"),
        ("stdout", "half a line"),
    ]
    assert not any("more" in line for line in said)


def test_an_attempt_goes_on_from_the_checkpoint_of_one_that_crashed(
    tmp_path: Path, plugin: Path
) -> None:
    with open_workspace(tmp_path / "home", [tmp_path]) as workspace:
        done = run(workspace, plugin, "resume", retries=1)

    assert (done.status, done.result, done.attempt) == (RunStatus.SUCCEEDED, 7, 2)


def test_a_hot_loop_leaves_few_events_and_its_last_progress(tmp_path: Path, plugin: Path) -> None:
    with open_workspace(tmp_path / "home", [tmp_path]) as workspace:
        done = run(workspace, plugin, "hurry")
        reports = events(workspace, done, EventKind.PROGRESS)

    assert len(reports) < 100
    assert done.summary.progress["main"].current == 1233


def test_a_fork_says_its_own_and_repeats_nothing(tmp_path: Path, plugin: Path) -> None:
    with open_workspace(tmp_path / "home", [tmp_path]) as workspace:
        done = run(workspace, plugin, "fork")
        said = [line["message"] for line in events(workspace, done, EventKind.LOG)]
        reports = events(workspace, done, EventKind.PROGRESS)

    assert done.status is RunStatus.SUCCEEDED
    assert sorted(str(text) for text in said if "begun" not in str(text)) == [
        "and ended",
        "from the fork",
        "logged in the fork",
    ]
    assert said.count("begun ") == 1
    assert [report["current"] for report in reports] == [1, 2]
    assert list(done.summary.artifacts) == ["fork.txt"]


def test_a_closed_stream_and_a_late_thread_do_no_harm(tmp_path: Path, plugin: Path) -> None:
    with open_workspace(tmp_path / "home", [tmp_path]) as workspace:
        done = run(workspace, plugin, "hold_on")
        said = [line["message"] for line in events(workspace, done, EventKind.LOG)]

    assert done.status is RunStatus.SUCCEEDED
    assert sorted(map(str, said)) == ["from a thread", "said to a closed stream"]

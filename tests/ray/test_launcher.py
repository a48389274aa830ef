"""Runs held by tasks: the worker, its log, its end, and what keeps it alive."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import psutil
import pytest

from synapse_core.errors import InvalidInputError
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.executors.ray.driver.runs import MAX_REPLACEMENTS
from synapse_core.executors.ray.job.api import JobsApi
from synapse_core.model.run import Run, RunFilter, RunStatus
from synapse_core.operations.runs import cancel_run, get_run
from synapse_core.workspace import Workspace
from tests.ray.looking import (
    attempts,
    child_of,
    end,
    events,
    is_gone,
    kill,
    launchers,
    messages,
    processes_of,
    start,
    wait_until,
)

Resume: TypeAlias = Callable[[], None]

TIERS = pytest.mark.parametrize("on", ["actor", "job"])


@TIERS
def test_a_run_says_and_returns_the_same_as_without_ray(
    workspace: Workspace, plugin: Path, on: str
) -> None:
    here = end(workspace, start(workspace, plugin, "train", "local", epochs=4))
    there = end(workspace, start(workspace, plugin, "train", on, epochs=4))

    assert there.status is RunStatus.SUCCEEDED
    assert (there.executor, there.result) == (on, here.result)
    assert [(e.kind, e.data.keys()) for e in events(workspace, there.id)] == [
        (e.kind, e.data.keys()) for e in events(workspace, here.id)
    ]
    assert there.summary.metrics == {"train": {"loss": 0.5}}


@TIERS
def test_params_and_results_of_ten_megabytes_pass(
    workspace: Workspace, plugin: Path, on: str
) -> None:
    text = "x" * 10_000_000

    run = end(workspace, start(workspace, plugin, "echo", on, text=text))

    assert run.result == text


@TIERS
def test_an_error_is_told_with_its_place_and_the_next_run_is_none_the_worse(
    workspace: Workspace, plugin: Path, on: str
) -> None:
    failed = end(workspace, start(workspace, plugin, "train", on, epochs=0))
    crashed = end(workspace, start(workspace, plugin, "crash", on))

    assert failed.failure is not None
    assert (failed.failure.type, failed.failure.message) == ("LookupError", "no epochs")
    assert failed.failure.where is not None
    assert failed.failure.where.file.endswith("trials_actions.py")
    assert crashed.failure is not None
    assert "SIGSEGV" in crashed.failure.message
    assert end(workspace, start(workspace, plugin, "echo", on, text="on")).result == "on"


def test_an_action_sees_neither_ray_nor_its_token(workspace: Workspace, plugin: Path) -> None:
    variables = end(workspace, start(workspace, plugin, "variables")).result
    modules = end(workspace, start(workspace, plugin, "modules")).result

    assert isinstance(variables, dict)
    assert isinstance(modules, list)
    assert variables["FROM_PLUGIN"] == "yes"
    assert not [name for name in variables if name.startswith("RAY_")]
    assert "ray" not in modules
    assert "ray" not in sys.modules


@TIERS
def test_a_cancelled_run_ends_within_five_seconds_with_all_it_started(
    workspace: Workspace, plugin: Path, door: DriverDoor, on: str
) -> None:
    run = start(workspace, plugin, "wait", on, stubborn=True)
    child = child_of(workspace, run)

    cancelled = cancel_run(workspace, run.id, wait_s=20)

    assert cancelled.status is RunStatus.CANCELLED
    assert cancelled.finished_at is not None
    assert cancelled.cancel_requested_at is not None
    assert cancelled.finished_at - cancelled.cancel_requested_at < 10  # 5 s on an idle machine
    assert is_gone(child)
    wait_until(lambda: _free_cpus(door) == 2)


def test_a_job_that_ray_stops_passes_it_on_to_a_run_that_was_cancelled(
    workspace: Workspace, plugin: Path, door: DriverDoor
) -> None:
    run = start(workspace, plugin, "wait", "job")
    child = child_of(workspace, run)
    jobs = JobsApi(str(door.up()["dashboard_url"]), door.token())

    workspace.runs.request_cancel(run.id, force=True)
    assert jobs.stop(f"synapse-{run.id}-1")

    assert end(workspace, run).status is RunStatus.CANCELLED
    assert is_gone(child)
    reasons = [e.data.get("reason") for e in events(workspace, run.id) if e.kind == "status"]
    assert not any("vanished" in str(reason) for reason in reasons)


def test_a_job_that_somebody_stops_takes_its_run_along(
    workspace: Workspace, plugin: Path, door: DriverDoor
) -> None:
    run = start(workspace, plugin, "wait", "job", retries=0)
    child = child_of(workspace, run)
    jobs = JobsApi(str(door.up()["dashboard_url"]), door.token())

    assert jobs.stop(f"synapse-{run.id}-1")

    lost = end(workspace, run)
    assert lost.failure is not None
    assert lost.failure.code == "worker_lost"
    assert is_gone(child)


def test_a_forced_cancel_does_not_ask(workspace: Workspace, plugin: Path) -> None:
    run = start(workspace, plugin, "wait", stubborn=True)
    child = child_of(workspace, run)

    assert cancel_run(workspace, run.id, force=True, wait_s=20).status is RunStatus.CANCELLED
    assert is_gone(child)


def test_a_time_out_is_kept(workspace: Workspace, plugin: Path) -> None:
    run = end(workspace, start(workspace, plugin, "wait", timeout_s=0.5))

    assert run.failure is not None
    assert run.failure.code == "run_timeout"


def test_runs_wait_for_room_and_none_is_lost(workspace: Workspace, plugin: Path) -> None:
    runs = [start(workspace, plugin, "echo", text=str(number)) for number in range(20)]

    assert [end(workspace, run).result for run in runs] == [str(number) for number in range(20)]


def test_what_no_node_has_is_refused_at_once(workspace: Workspace, plugin: Path) -> None:
    with pytest.raises(InvalidInputError, match="asks for: CPU 64") as caught:
        start(workspace, plugin, "much")

    assert "The most that one node has: CPU 2" in caught.value.hint
    last = workspace.runs.list(RunFilter(action="much"), limit=1).items[0]
    assert last.status is RunStatus.FAILED


def test_a_launcher_that_dies_takes_its_worker_along_and_the_run_is_repeated(
    workspace: Workspace, plugin: Path
) -> None:
    run = start(workspace, plugin, "wait", seconds=30, retries=1)
    child = child_of(workspace, run)
    (launcher,) = launchers(run)

    kill(launcher)
    wait_until(lambda: attempts(workspace, run) == 2)

    assert is_gone(child)
    assert cancel_run(workspace, run.id, force=True, wait_s=20).status is RunStatus.CANCELLED
    reasons = [e.data.get("reason") for e in events(workspace, run.id) if e.kind == "status"]
    assert "The worker vanished during attempt 1; the next one follows." in reasons


def test_a_run_that_loses_its_place_before_it_begins_is_placed_again(
    workspace: Workspace, plugin: Path, paused_zygotes: Resume
) -> None:
    run = start(workspace, plugin, "echo", text="at last")

    kill_launcher(run)
    wait_until(lambda: bool(launchers(run)))
    paused_zygotes()

    assert end(workspace, run).result == "at last"


def test_a_run_that_loses_its_place_again_and_again_is_not_placed_for_ever(
    workspace: Workspace, plugin: Path, paused_zygotes: Resume
) -> None:
    del paused_zygotes
    run = start(workspace, plugin, "echo", text="never")

    for _ in range(1 + MAX_REPLACEMENTS):
        kill_launcher(run)

    ended = end(workspace, run)
    assert ended.failure is not None
    assert ended.failure.code == "worker_lost"
    assert "lost 4 times before it began. The last time: Ray lost" in ended.failure.message
    assert [e.data["status"] for e in events(workspace, run.id)] == ["failed"]


def test_a_worker_that_dies_is_told_from_an_action_that_fails(
    workspace: Workspace, plugin: Path
) -> None:
    run = start(workspace, plugin, "wait", seconds=30)
    child_of(workspace, run)
    owner = get_run(workspace, run.id).owner
    assert owner is not None

    os.kill(int(owner.split(":")[-2]), 9)

    lost = end(workspace, run)
    assert lost.failure is not None
    assert lost.failure.code == "worker_lost"
    assert messages(workspace, run.id)


def test_the_same_order_twice_runs_once(workspace: Workspace, plugin: Path) -> None:
    run = start(workspace, plugin, "echo", text="once")
    for _ in range(5):
        workspace.executor("actor").submit(workspace.runs.get(run.id))

    assert end(workspace, run).result == "once"
    assert [e.data["status"] for e in events(workspace, run.id) if e.kind == "status"] == [
        "running",
        "succeeded",
    ]


@pytest.fixture
def paused_zygotes(workspace: Workspace, plugin: Path) -> Iterator[Resume]:
    """Let launchers wait for their workers until this is called."""
    end(workspace, start(workspace, plugin, "echo"))
    paused = [
        process
        for process in processes_of(tempfile.gettempdir())
        if "synapse_core.worker.zygote" in process.cmdline()
    ]
    assert paused
    for process in paused:
        process.suspend()

    def resume() -> None:
        for process in paused:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    yield resume
    resume()


def kill_launcher(run: Run) -> None:
    """Kill what holds the run as soon as it is there."""
    wait_until(lambda: bool(launchers(run)))
    (launcher,) = launchers(run)
    kill(launcher)
    wait_until(lambda: is_gone(launcher))


def _free_cpus(door: DriverDoor) -> object:
    free = door.up()["free"]
    return free.get("CPU") if isinstance(free, dict) else None

"""Whatever is killed on a cluster, and whenever: each run ends once, with a whole log."""

import contextlib
import os
import random
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from synapse_core.executors.ray import PlacedRun, RayActorExecutor
from synapse_core.executors.ray.cluster.places import Cluster
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.model.run import Run, WorkerId
from synapse_core.operations.runs import get_run
from synapse_core.workspace import Workspace, open_workspace
from tests.ray.counting import LINES, assert_ends_whole, has_come, make_counting_plugin
from tests.ray.looking import end, processes_behind, processes_of, start
from tests.waiting import wait_until

ROUNDS = int(os.environ.get("SYNAPSE_CHAOS_ROUNDS", "6"))
"""With three runs in each."""

MANY = 120


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder with a short path: sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="sray-"))
    make_counting_plugin(folder / "chaos")
    yield folder
    shutil.rmtree(folder)


@pytest.mark.timeout(60 + 60 * ROUNDS)
def test_every_run_ends_once_and_nothing_is_left(root: Path) -> None:
    """`SYNAPSE_CHAOS_ROUNDS=70` makes it 210 runs; each round repeats by its number."""
    with open_workspace(root / "home", [root]) as workspace:
        door = DriverDoor(workspace.home, os.environ, Cluster())
        for number in range(ROUNDS):
            play(workspace, door, root / "chaos", random.Random(number))  # noqa: S311 - no secret
        folders = {record.folder for record in [door.record()] if record is not None}
        door.stop(force=True)
        for folder in folders:
            wait_until(lambda folder=folder: not processes_of(folder))
            assert not Path(folder).exists()
        wait_until(lambda: not processes_of(str(root)))


@pytest.mark.timeout(60 + 60 * ROUNDS)
def test_of_many_runs_a_kill_costs_those_that_it_meets_an_attempt_and_no_others(
    root: Path,
) -> None:
    with open_workspace(root / "home", [root]) as workspace:
        door = DriverDoor(workspace.home, os.environ, Cluster())
        executor = RayActorExecutor(root / "chaos", home=workspace.home.root)
        for number in range(max(1, ROUNDS // 6)):
            chance = random.Random(number)  # noqa: S311 - no secret
            placed = executor.submit_many("count_warm", [{"pause": 0.0}] * MANY)
            moments = sorted(chance.sample(range(MANY), 3))
            met = sum(kill_one(workspace, placed[moment], chance) for moment in moments)

            ended = [end(workspace, get_run(workspace, one.run_id)) for one in placed]
            for run in ended:
                assert_ends_whole(workspace, run)
            assert sum(run.attempt - 1 for run in ended) <= met
        executor.shutdown()
        door.stop(force=True)


def kill_one(workspace: Workspace, awaited: PlacedRun, chance: random.Random) -> int:
    """Kill a process that executes runs, or the actor that holds it, when one of them has ended.

    Returns:
        How many were killed, which is one or none.
    """
    wait_until(lambda: awaited.status.is_terminal)
    owners = sorted({one.owner for one in workspace.runs.active() if one.owner})
    if not owners:
        return 0
    with contextlib.suppress(psutil.NoSuchProcess):
        worker = psutil.Process(WorkerId.parse(chance.choice(owners)).pid)
        holders = [one for one in worker.parents() if "WarmHolder" in " ".join(one.cmdline())]
        chance.choice([worker, *holders]).kill()
    return 1


def play(workspace: Workspace, door: DriverDoor, plugin: Path, chance: random.Random) -> None:
    actions = [chance.choice(["count", "count_warm"]) for _ in range(3)]
    runs = [start(workspace, plugin, action) for action in actions]
    for _ in range(chance.randint(1, 3)):
        target, moment = chance.choice(runs), chance.randint(0, LINES)
        wait_until(lambda target=target, moment=moment: has_come(workspace, target, moment))
        victims = find_victims(workspace, door, target, is_rough=chance.random() < 0.15)
        if victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(victims), signal.SIGKILL)
    for run in runs:
        assert_ends_whole(workspace, end(workspace, run))


def find_victims(workspace: Workspace, door: DriverDoor, run: Run, *, is_rough: bool) -> list[int]:
    """Return the processes behind a run; with `is_rough`, those of the whole cluster."""
    if is_rough:
        record = door.record()
        if record is None:
            return []
        cluster = [process.pid for process in processes_of(record.folder)]
        return [WorkerId.parse(record.worker).pid, *cluster]
    return [process.pid for process in processes_behind(get_run(workspace, run.id))]

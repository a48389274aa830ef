"""Whatever is killed on a cluster, and whenever: each run ends once, with a whole log."""

import contextlib
import os
import random
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from synapse_core.executors.ray.cluster.places import Cluster
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.model.event import EventKind
from synapse_core.model.run import Run, RunStatus, WorkerId
from synapse_core.operations.runs import get_run
from synapse_core.workspace import Workspace, open_workspace
from tests.ray.looking import end, events, messages, processes_of, start, wait_until

ROUNDS = int(os.environ.get("SYNAPSE_CHAOS_ROUNDS", "6"))
"""With three runs in each."""

LINES = 40

CONFIG = """
    name: Chaos
    code: chaos
    actions:
      count: &count
        entrypoint: "chaos_actions:count"
        retries: {retries: 2, backoff: 10ms}
      count_warm: {<<: *count, reuse: true}
"""

SOURCE = """
    import time

    from synapse_core import action


    @action
    def count(ctx) -> str:
        ctx.logger.info("begins")
        for number in range(40):
            ctx.log("counted", {"number": number})
            time.sleep(0.01)
        return "counted"
"""


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder with a short path: sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="sray-"))
    plugin = folder / "chaos"
    plugin.mkdir()
    (plugin / "config.yaml").write_text(dedent(CONFIG), encoding="utf-8")
    (plugin / "chaos_actions.py").write_text(dedent(SOURCE), encoding="utf-8")
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


def has_come(workspace: Workspace, run: Run, lines: int) -> bool:
    """Whether the run has said so much, or has ended."""
    is_over = get_run(workspace, run.id).status.is_terminal
    return is_over or len(messages(workspace, run.id)) >= lines


def find_victims(workspace: Workspace, door: DriverDoor, run: Run, *, is_rough: bool) -> list[int]:
    """Return the processes behind a run; with `is_rough`, those of the whole cluster."""
    if is_rough:
        record = door.record()
        if record is None:
            return []
        cluster = [process.pid for process in processes_of(record.folder)]
        return [WorkerId.parse(record.worker).pid, *cluster]
    found = [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if run.id in " ".join(process.info["cmdline"] or ())
    ]
    owner = get_run(workspace, run.id).owner
    if owner:
        with contextlib.suppress(psutil.NoSuchProcess):
            worker = psutil.Process(WorkerId.parse(owner).pid)
            found += [one.pid for one in (worker, *worker.children(recursive=True))]
    return found


def assert_ends_whole(workspace: Workspace, run: Run) -> None:
    said = events(workspace, run.id)
    ends = [
        event
        for event in said
        if event.kind is EventKind.STATUS and RunStatus(str(event.data["status"])).is_terminal
    ]
    numbers = [event.data["fields"] for event in said if event.data.get("event") == "counted"]
    attempts = messages(workspace, run.id).count("begins")

    assert run.status in {RunStatus.SUCCEEDED, RunStatus.FAILED}, run
    assert ends == said[-1:]
    assert ends[0].data["status"] == run.status
    if run.status is RunStatus.SUCCEEDED:
        assert run.result == "counted"
        assert numbers[-LINES:] == [{"number": number} for number in range(LINES)]
    else:
        assert run.failure is not None
        assert run.failure.code == "worker_lost"
    assert attempts >= 1 or run.status is RunStatus.FAILED

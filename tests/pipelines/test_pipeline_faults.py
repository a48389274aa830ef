"""Whatever is killed, and whenever: each node succeeds once, none is lost, and it ends."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from synapse_core.clients.sync_service import PipelineServiceClient
from synapse_core.model.event import EventKind
from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.model.run import Run, RunFilter, RunStatus, WorkerId
from synapse_core.operations.pipelines import StartPipeline, resume_pipeline, start_pipeline
from synapse_core.operations.runs import cancel_run, get_run, wait_run
from synapse_core.runs.processes import is_alive
from synapse_core.service.limits import Limits
from synapse_core.testing.service import RUN_TOKEN, serving
from synapse_core.workspace import Workspace
from tests.pipelines.cutting import wired

PATIENCE_S = 55.0

SEEDS = int(os.environ.get("SYNAPSE_FAULT_SEEDS", "6"))
"""How many runs are disturbed; hundreds find what six do not, and take an hour."""

CONFIG = """
name: Marks
code: marks
actions:
  mark: {entrypoint: "marks:mark", retries: {retries: 20, backoff: 10ms}}
pipelines:
  marked:
    max_parallel: 3
    nodes:
      a: {action: mark, inputs: {name: a, seen: []}}
      b: {action: mark, inputs: {name: b, seen: ["${a}"]}}
      c: {action: mark, inputs: {name: c, seen: ["${a}"]}}
      d: {action: mark, map: [1, 2, 3], inputs: {name: "d${item}", seen: ["${b}"]}}
      e: {action: mark, inputs: {name: e, seen: ["${c}", "${d}"]}}
"""

ACTIONS = """
import time

from synapse_core import RuntimeContext, action


@action
def mark(name: str, seen: list, ctx: RuntimeContext) -> dict:
    ctx.logger.info("begun %s", name)
    time.sleep(0.02)
    return {"name": name, "seen": seen}
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    folder = tmp_path / "plugins" / "marks"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "marks.py").write_text(ACTIONS, encoding="utf-8")
    return folder


def nodes(workspace: Workspace, run_id: str) -> list[Run]:
    return list(workspace.runs.list(RunFilter(parent_id=run_id), limit=1000).items)


def processes_of(workspace: Workspace, run: Run) -> list[WorkerId]:
    """Return the supervisor of a run and the process of its attempt, those that are there."""
    found = [WorkerId.parse(run.owner)] if run.owner else []
    note = workspace.home.run_dir(run.id) / "worker"
    with contextlib.suppress(FileNotFoundError, ValueError):  # it has not begun, or has ended
        found.append(WorkerId.parse(note.read_text(encoding="utf-8")))
    return [worker for worker in found if is_alive(worker)]


def kill_one(workspace: Workspace, run_id: str, chance: random.Random) -> bool:
    """Kill a process of the pipeline run or of one of its nodes; False when there is none."""
    runs = [workspace.runs.get(run_id), *nodes(workspace, run_id)]
    running = [one for one in runs if one.status is RunStatus.RUNNING]
    workers = [worker for one in running for worker in processes_of(workspace, one)]
    if not workers:
        return False
    try:
        os.kill(chance.choice(workers).pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def check_whole(workspace: Workspace, run_id: str) -> None:
    """Check what must hold of a run that ended well, and of its nodes."""
    ended = workspace.runs.get(run_id)
    assert ended.status is RunStatus.SUCCEEDED, ended.failure
    made = nodes(workspace, run_id)
    keys = ["a", "b", "c", "d[0]", "d[1]", "d[2]", "e"]
    assert Counter(one.node for one in made) == Counter(keys)
    assert all(one.status in {RunStatus.SUCCEEDED, RunStatus.SKIPPED} for one in made)
    for run in (ended, *made):
        events = workspace.journals.read(run.id, limit=100_000).items
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        outputs = [event for event in events if event.kind is EventKind.OUTPUT]
        assert len(outputs) == (run.status is RunStatus.SUCCEEDED)
        if run.status is RunStatus.SUCCEEDED:
            assert events[-1].data["status"] == "succeeded"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_pipeline_survives_the_death_of_any_of_its_processes(
    workspace: Workspace, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    started = start_pipeline(workspace, StartPipeline(plugin="marks", pipeline="marked"))
    kills = 0
    until = time.monotonic() + PATIENCE_S
    while not get_run(workspace, started.id).status.is_terminal:
        assert time.monotonic() < until
        if kills < 5:
            kills += kill_one(workspace, started.id, chance)
        workspace.journals.wait(started.id, None, timeout_s=0.01)
        wait_run(workspace, started.id, timeout_s=chance.uniform(0.0, 0.15))

    assert kills > 0
    check_whole(workspace, started.id)


@pytest.mark.parametrize("seed", range(SEEDS // 2))
def test_what_is_cancelled_anywhere_is_resumed_without_doing_anything_twice(
    workspace: Workspace, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    run = start_pipeline(workspace, StartPipeline(plugin="marks", pipeline="marked"))
    succeeded: set[str] = set()
    for _ in range(3):
        wait_run(workspace, run.id, timeout_s=chance.uniform(0.05, 0.5))
        cancel_run(workspace, run.id, force=chance.random() < 0.5, wait_s=PATIENCE_S)
        for node in nodes(workspace, run.id):
            ended = wait_run(workspace, node.id, timeout_s=PATIENCE_S)
            if ended.status is RunStatus.SUCCEEDED:
                assert node.node not in succeeded
                succeeded.add(node.node)
        run = resume_pipeline(workspace, run.id)
    wait_run(workspace, run.id, timeout_s=PATIENCE_S)

    check_whole(workspace, run.id)
    again = [one.node for one in nodes(workspace, run.id) if one.status is RunStatus.SUCCEEDED]
    assert not succeeded & set(again)


@pytest.mark.parametrize("seed", range(max(1, SEEDS // 3)))
def test_a_pipeline_is_started_and_followed_over_a_wire_that_is_cut(
    workspace: Workspace, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    told: list[PipelineProgress] = []
    with serving(workspace, limits=Limits(heartbeat_s=0.2)) as url, wired(url) as (wire, near):
        is_over = threading.Event()
        cuts = 0

        def cut() -> None:
            nonlocal cuts
            while not is_over.wait(chance.uniform(0.02, 0.2)):
                wire.cut()
                cuts += 1

        with PipelineServiceClient(near, RUN_TOKEN, patience_s=PATIENCE_S) as client:
            cutter = threading.Thread(target=cut)
            cutter.start()
            try:
                run = client.start_pipeline("marks", "marked", idempotency_key=f"cut-{seed}")
                for progress in client.stream_progress(run.id):
                    told.append(progress)
                    kill_one(workspace, run.id, chance)
                ended = client.wait_run(run.id)
            finally:
                is_over.set()
                cutter.join()

    assert cuts > 0
    assert ended.status is RunStatus.SUCCEEDED
    assert told[-1].status is RunStatus.SUCCEEDED
    assert all(one != other for one, other in pairwise(told))
    (only,) = workspace.runs.list(RunFilter()).items
    assert only.id == run.id
    check_whole(workspace, run.id)

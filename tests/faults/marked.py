"""A pipeline to be disturbed, and what must hold of it in the end."""

import contextlib
import os
import random
import signal
from collections import Counter
from pathlib import Path

from synapse_core.model.event import EventKind
from synapse_core.model.run import Run, RunFilter, RunStatus, WorkerId
from synapse_core.runs.nodes import shared_folder
from synapse_core.runs.processes import is_alive
from synapse_core.workspace import Workspace

__all__ = [
    "KEYS",
    "PATIENCE_S",
    "check_whole",
    "count_executions",
    "kill_one",
    "list_made",
    "make_plugin",
    "seeds",
]

PATIENCE_S = 55.0

KEYS = ("a", "b", "c", "d[0]", "d[1]", "d[2]", "e")

_ROUNDS = int(os.environ.get("SYNAPSE_FAULT_SEEDS", "0"))

_CONFIG = """
name: Marks
code: marks
actions:
  mark: {entrypoint: "marks:mark", retries: {retries: 20, backoff: 10ms}}
pipelines:
  marked:
    max_parallel: 3
    params: {pause: 0.02}
    nodes:
      a: {action: mark, inputs: {name: a, seen: [], pause: "${params.pause}"}}
      b: {action: mark, inputs: {name: b, seen: ["${a}"], pause: "${params.pause}"}}
      c: {action: mark, inputs: {name: c, seen: ["${a}"], pause: "${params.pause}"}}
      d:
        action: mark
        map: [1, 2, 3]
        inputs: {name: "d${index}", seen: ["${b}"], pause: "${params.pause}"}
      e: {action: mark, inputs: {name: e, seen: ["${c}", "${d}"], pause: "${params.pause}"}}
"""

_ACTIONS = """
import time

from synapse_core import RuntimeContext, action


@action
def mark(name: str, seen: list, pause: float, ctx: RuntimeContext) -> dict:
    ctx.logger.info("begun %s", name)
    time.sleep(pause)
    with (ctx.pipeline.artifacts_dir / "marks").open("a") as marks:
        marks.write(f"{name}\\n")
    return {"name": name, "seen": seen}
"""


def seeds(few: int, *, of_each: int = 1) -> range:
    """Return the seeds to try.

    Args:
        few: How many, when nobody asks for more.
        of_each: One in this many of those that are asked for, for tests that take long.
    """
    return range(_ROUNDS // of_each if _ROUNDS else few)


def make_plugin(folder: Path) -> Path:
    """Write the plugin whose pipeline it is."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(_CONFIG, encoding="utf-8")
    (folder / "marks.py").write_text(_ACTIONS, encoding="utf-8")
    return folder


def list_made(workspace: Workspace, run_id: str) -> list[Run]:
    """Return the runs of the nodes."""
    return list(workspace.runs.list(RunFilter(parent_id=run_id), limit=1000).items)


def kill_one(workspace: Workspace, run_id: str, chance: random.Random) -> bool:
    """Kill a process of the pipeline run or of one of its nodes; False when there is none."""
    runs = [workspace.runs.get(run_id), *list_made(workspace, run_id)]
    running = [one for one in runs if one.status is RunStatus.RUNNING]
    workers = [worker for one in running for worker in _processes_of(workspace, one)]
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
    made = list_made(workspace, run_id)
    assert Counter(one.node for one in made) == Counter(KEYS)
    assert all(one.status in {RunStatus.SUCCEEDED, RunStatus.SKIPPED} for one in made)
    for run in (ended, *made):
        events = workspace.journals.read(run.id, limit=100_000).items
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        outputs = [event for event in events if event.kind is EventKind.OUTPUT]
        assert len(outputs) == (run.status is RunStatus.SUCCEEDED)
        if run.status is RunStatus.SUCCEEDED:
            assert events[-1].data["status"] == "succeeded"


def count_executions(workspace: Workspace, run_id: str) -> Counter[str]:
    """Return how often each node was executed to its end, in a run and those it goes on with."""
    place, _ = shared_folder(workspace.home, run_id)
    (marks,) = place.rglob("marks")
    told = Counter(marks.read_text(encoding="utf-8").split())
    return Counter({key: told[key.replace("[", "").replace("]", "")] for key in KEYS})


def _processes_of(workspace: Workspace, run: Run) -> list[WorkerId]:
    """Return the supervisor of a run and the process of its attempt, those that are there."""
    found = [WorkerId.parse(run.owner)] if run.owner else []
    note = workspace.home.run_dir(run.id) / "worker"
    with contextlib.suppress(FileNotFoundError, ValueError):  # it has not begun, or has ended
        found.append(WorkerId.parse(note.read_text(encoding="utf-8")))
    return [worker for worker in found if is_alive(worker)]

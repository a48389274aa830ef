"""Runs of real plugins whose zygote, supervisor or process is killed at some moment."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import Run, RunFilter, RunStatus, WorkerId
from synapse_core.operations.runs import StartRun, get_run, list_runs, start_run, wait_run
from synapse_core.runs.processes import is_alive
from synapse_core.workspace import Workspace, open_workspace

PATIENCE_S = 50.0

CONFIG = """
name: Talker
code: talker
version: 1.0.0
category: custom
actions:
  talk:
    entrypoint: talker:talk
"""

TALKER = """
import os
import time

from pydantic import BaseModel

from synapse_core import action


class Params(BaseModel):
    count: int = 1_000_000
    heard: str = ""
    once: str = ""


@action("talk", params=Params)
def talk(params, context):
    if params.once and os.path.exists(params.once):
        return {"said": "the second time"}
    if params.once:
        open(params.once, "w").close()
    with open(params.heard or os.devnull, "a") as heard:
        for number in range(params.count):
            context.log("counted", {"number": number})
            heard.write(f"{number}\\n")
            heard.flush()
            os.write(1, b"raw %d\\n" % number)
            time.sleep(0.001)
    return {"said": params.count}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    folder = tmp_path / "plugins" / "talker"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "talker.py").write_text(TALKER, encoding="utf-8")
    with open_workspace(tmp_path / "home", [tmp_path / "plugins"]) as workspace:
        yield workspace


def events(workspace: Workspace, run: Run) -> tuple[Event, ...]:
    return workspace.journals.read(run.id, limit=1_000_000).items


def worker_of_run(workspace: Workspace, run: Run) -> WorkerId:
    """Return who owns the run, once it has said something."""
    cursor = None
    while True:
        page = workspace.journals.read(run.id, after=cursor, kinds=frozenset({EventKind.LOG}))
        cursor = page.next_cursor
        # An order may get lost with the zygote that had it in hand; a look places the run again.
        run = get_run(workspace, run.id)
        assert not run.status.is_terminal, run.failure
        if page.items and run.owner is not None:
            return WorkerId.parse(run.owner)
        workspace.journals.wait(run.id, cursor, timeout_s=1)


def assert_whole(workspace: Workspace, run: Run, heard: Path) -> None:
    """One end, which is last; no gap; nothing of what was acknowledged is lost or doubled."""
    found = events(workspace, run)
    ends = [
        event.seq
        for event in found
        if event.kind is EventKind.STATUS and RunStatus(str(event.data["status"])).is_terminal
    ]
    assert [event.seq for event in found] == list(range(1, len(found) + 1))
    assert ends == [len(found)]
    said = [e.data["fields"] for e in found if e.data.get("event") == "counted"]
    assert said == [{"number": number} for number in range(len(said))]
    acknowledged = heard.read_text().splitlines() if heard.exists() else []
    assert len(acknowledged) <= len(said) <= len(acknowledged) + 1
    raw = [e.data["message"] for e in found if e.data.get("source") == "output"]
    assert raw == [f"raw {number}" for number in range(len(raw))]
    assert len(acknowledged) - 1 <= len(raw) <= len(acknowledged)


def kill(pid: int) -> None:
    """Kill a process, and wait until it is gone."""
    try:
        process = psutil.Process(pid)
        process.kill()
        process.wait(PATIENCE_S)
    except psutil.NoSuchProcess:
        return  # it has just ended by itself


def list_all(workspace: Workspace, _run_id: str) -> object:
    return list_runs(workspace, RunFilter())


@pytest.mark.parametrize("look", [get_run, list_all])
def test_a_run_whose_supervisor_was_killed_is_settled_by_a_look(
    workspace: Workspace, tmp_path: Path, look: Callable[[Workspace, str], object]
) -> None:
    heard = tmp_path / "heard"
    request = StartRun(plugin="talker", action="talk", params={"heard": str(heard)})
    run = start_run(workspace, request)
    owner = worker_of_run(workspace, run)
    left = WorkerId.parse((workspace.home.run_dir(run.id) / "worker").read_text())
    kill(owner.pid)
    look(workspace, run.id)
    run = workspace.runs.get(run.id)

    assert run.status is RunStatus.FAILED
    assert run.failure is not None
    assert run.failure.code == "worker_lost"
    assert is_alive(left) is False
    assert_whole(workspace, run, heard)


def test_a_run_with_attempts_left_is_placed_again_at_once(
    workspace: Workspace, tmp_path: Path
) -> None:
    request = StartRun(
        plugin="talker", action="talk", params={"once": str(tmp_path / "once")}, retries=1
    )
    run = start_run(workspace, request)
    kill(worker_of_run(workspace, run).pid)
    ended = wait_run(workspace, run.id, timeout_s=PATIENCE_S)

    assert (ended.status, ended.result) == (RunStatus.SUCCEEDED, {"said": "the second time"})
    assert ended.attempt == 2
    statuses = [
        (event.data["status"], event.data["attempt"])
        for event in events(workspace, run)
        if event.kind is EventKind.STATUS
    ]
    assert statuses == [("running", 1), ("pending", 1), ("running", 2), ("succeeded", 2)]


def test_no_run_is_left_running_whatever_is_killed_at_whatever_moment(
    workspace: Workspace, tmp_path: Path
) -> None:
    chance = random.Random(11)  # noqa: S311 - which moment, not which secret
    for number in range(5):
        heard = tmp_path / f"heard {number}"
        request = StartRun(
            plugin="talker", action="talk", params={"heard": str(heard), "count": 60}
        )
        run = start_run(workspace, request)
        owner = worker_of_run(workspace, run)
        victims = [owner.pid, psutil.Process(owner.pid).ppid()]
        victims += [child.pid for child in psutil.Process(owner.pid).children()]
        cursor = None
        for _ in range(chance.randint(1, 40)):
            page = workspace.journals.read(run.id, after=cursor, limit=2)
            cursor = page.next_cursor
            workspace.journals.wait(run.id, cursor, timeout_s=0.01)
        for victim in chance.sample(victims, chance.randint(1, len(victims))):
            kill(victim)
        ended = wait_run(workspace, run.id, timeout_s=PATIENCE_S)

        assert ended.status.is_terminal
        assert_whole(workspace, ended, heard)
        if ended.status is RunStatus.SUCCEEDED:
            assert ended.result == {"said": 60}

"""Workers are killed at every boundary of a step; the next attempt goes on behind what was done."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.model.event import EventKind
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.logs import follow_events
from synapse_core.operations.runs import StartRun, cancel_run, rerun, start_run, wait_run
from synapse_core.types import JSONObject
from synapse_core.workspace import Workspace, open_workspace

PATIENCE_S = 40.0

CONFIG = """
name: Stepped
code: stepped
version: 1.0.0
actions:
  go:
    entrypoint: stepped_work:Go
    retries: {retries: 1, backoff: 10ms}
"""

WORK = '''
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from synapse_core import BaseAction
from synapse_core.steps import BaseStep, BaseStepContext, StepRegistry, StepResult


class Params(BaseModel):
    diary: Path
    die_at: list[str] = []
    fail_at: str = ""
    wait_at: str = ""


@dataclass
class Shared(BaseStepContext):
    seen: list[str] = field(default_factory=list)
    _params: Params | None = None


class Step(BaseStep[Shared]):
    progress_weight = 1.0

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def reach(self, context: Shared, place: str) -> None:
        """Write the place down, and die there when it is the first time and told so."""
        params = context._params
        place = f"{place} {self.name}"
        earlier = params.diary.read_text() if params.diary.exists() else ""
        with params.diary.open("a") as file:
            file.write(place + "\\n")
        if place in params.die_at and place not in earlier.splitlines():
            os.kill(os.getpid(), signal.SIGKILL)

    def can_skip(self, context: Shared) -> bool:
        self.reach(context, "before")
        return False

    def execute(self, context: Shared) -> StepResult:
        self.reach(context, "in")
        if context._params.wait_at == self.name:
            context.runtime_ctx.sleep(60)
        if context._params.fail_at == self.name:
            raise ValueError("told to fail")
        context.seen.append(self.name)
        return StepResult(rollback_data={"of": self.name})

    def rollback(self, context: Shared, result: StepResult) -> None:
        self.reach(context, "undo")


class Go(BaseAction[Params]):
    def setup_steps(self, registry: StepRegistry[Shared]) -> None:
        for name in ("one", "two", "three"):
            registry.register(Step(name))

    def create_context(self) -> Shared:
        return Shared(self.ctx, _params=self.params)

    def build_result(self, context: Shared, counts: dict) -> dict:
        return {"seen": context.seen, **counts}
'''

PLACES = [f"{place} {step}" for step in ("one", "two", "three") for place in ("before", "in")]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "stepped").mkdir()
    (folder / "stepped" / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "stepped" / "stepped_work.py").write_text(WORK, encoding="utf-8")
    with open_workspace(tmp_path_factory.mktemp("home"), [folder]) as opened:
        yield opened


def run_to_end(workspace: Workspace, params: JSONObject, *, retries: int | None = None) -> Run:
    request = StartRun(plugin="stepped", action="go", params=params, retries=retries)
    return wait_run(workspace, start_run(workspace, request).id, timeout_s=PATIENCE_S)


def transitions(workspace: Workspace, run: Run) -> list[str]:
    page = workspace.journals.read(run.id, kinds=frozenset({EventKind.STEP}))
    return [f"{event.data['name']} {event.data['transition']}" for event in page.items]


def entries(diary: Path, place: str) -> list[str]:
    """Return the steps that were at the place, in order."""
    lines = diary.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(f"{place} ") for line in lines if line.startswith(f"{place} ")]


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_worker_is_followed_by_one_that_goes_on(
    workspace: Workspace, tmp_path: Path, place: str
) -> None:
    diary = tmp_path / "diary"

    run = run_to_end(workspace, {"diary": str(diary), "die_at": [place]})

    assert run.status is RunStatus.SUCCEEDED
    assert run.attempt == 2
    assert isinstance(run.result, dict)
    assert run.result["seen"] == ["one", "two", "three"]
    boundary, _, step = place.partition(" ")
    done_before = ["one", "two", "three"].index(step)
    assert run.result["steps_resumed"] == done_before
    executed = ["one", "two", "three"]
    if boundary == "in":  # it had begun, and had not finished
        executed.insert(done_before, step)
    assert entries(diary, "in") == executed


def test_a_worker_killed_in_each_attempt_gets_ahead_in_each(
    workspace: Workspace, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"
    places = ["before two", "before three", "in three"]

    run = run_to_end(workspace, {"diary": str(diary), "die_at": list(places)}, retries=3)

    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 4)
    assert entries(diary, "in") == ["one", "two", "three", "three"]
    assert transitions(workspace, run)[-4:] == [
        "one resumed",
        "two resumed",
        "three started",
        "three succeeded",
    ]


def test_what_an_earlier_attempt_did_is_undone_in_reverse(
    workspace: Workspace, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"
    params: JSONObject = {"diary": str(diary), "die_at": ["before three"], "fail_at": "three"}

    run = run_to_end(workspace, params)

    assert run.status is RunStatus.FAILED
    assert run.failure is not None
    assert (run.failure.code, run.failure.where is not None) == ("step_failed", True)
    assert "Step 'three' failed: ValueError: told to fail" in run.failure.message
    assert entries(diary, "undo") == ["three", "two", "one"]
    assert run.summary.steps == dict.fromkeys(("one", "two", "three"), "rolled_back")


def test_a_worker_killed_while_it_undoes_leaves_no_half_undone_step_behind(
    workspace: Workspace, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"
    params: JSONObject = {"diary": str(diary), "die_at": ["undo two"], "fail_at": "three"}

    run = run_to_end(workspace, params)

    assert run.status is RunStatus.FAILED
    assert entries(diary, "in") == ["one", "two", "three", "two", "three"]
    assert entries(diary, "undo") == ["three", "two", "three", "two", "one"]


def test_a_cancelled_run_undoes_its_steps(workspace: Workspace, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    request = StartRun(
        plugin="stepped", action="go", params={"diary": str(diary), "wait_at": "two"}
    )
    run = start_run(workspace, request)
    for event in follow_events(workspace, run.id):
        if event is not None and event.data.get("name") == "two":
            break

    run = cancel_run(workspace, run.id, wait_s=PATIENCE_S)

    assert run.status is RunStatus.CANCELLED
    assert entries(diary, "undo") == ["two", "one"]


def test_a_rerun_goes_on_from_an_earlier_run_when_told(
    workspace: Workspace, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"
    killed = run_to_end(workspace, {"diary": str(diary), "die_at": ["in three"]}, retries=0)
    assert killed.status is RunStatus.FAILED

    resumed = rerun(workspace, killed.id, resume=True)
    resumed = wait_run(workspace, resumed.id, timeout_s=PATIENCE_S)
    anew = wait_run(workspace, rerun(workspace, killed.id).id, timeout_s=PATIENCE_S)

    assert isinstance(resumed.result, dict)
    assert isinstance(anew.result, dict)
    assert (resumed.rerun_of, resumed.resume, anew.resume) == (killed.id, True, False)
    assert (resumed.result["steps_resumed"], anew.result["steps_resumed"]) == (2, 0)
    assert resumed.result["seen"] == ["one", "two", "three"]
    assert entries(diary, "in") == ["one", "two", "three", "three", "one", "two", "three"]


def test_a_rerun_with_other_params_begins_anew(workspace: Workspace, tmp_path: Path) -> None:
    killed = run_to_end(
        workspace, {"diary": str(tmp_path / "diary"), "die_at": ["in three"]}, retries=0
    )

    other: JSONObject = {"diary": str(tmp_path / "other"), "die_at": []}
    again = rerun(workspace, killed.id, params=other, resume=True)
    again = wait_run(workspace, again.id, timeout_s=PATIENCE_S)

    assert isinstance(again.result, dict)
    assert again.result["steps_resumed"] == 0

"""What is undone when a pipeline fails: inside of pipelines too, once, and nothing cached."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core import action
from synapse_core.errors import PipelineError
from synapse_core.model.pipeline_progress import ActionProgress
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.pipelines.verbs import (
    StartPipeline,
    get_progress,
    resume_pipeline,
    start_pipeline,
)
from synapse_core.operations.runs import wait_run
from synapse_core.pipelines import ActionPipeline, Node, item, params
from synapse_core.workspace import Workspace, open_workspace

PATIENCE_S = 50.0

CONFIG = """
name: Back
code: back
actions:
  make: {entrypoint: "back:make"}
  unmake: {entrypoint: "back:unmake"}
  gate: {entrypoint: "back:gate"}
pipelines:
  rooms:
    params: {flag: ""}
    nodes:
      walls: {action: make, inputs: {name: "${params.house}/walls"}, undo: unmake}
      roof: {action: make, inputs: {name: "${params.house}/roof"}, undo: unmake, after: walls}
      look: {action: make, inputs: {name: "${params.house}/look"}, after: roof}
  floor:
    nodes:
      rooms: {action: rooms, inputs: {house: "${params.house}"}}
      stairs:
        {action: make, inputs: {name: "${params.house}/stairs"}, undo: unmake, after: rooms}
  village:
    nodes:
      ground: {action: make, inputs: {name: ground}, undo: unmake}
      floors:
        action: floor
        map: [red, blue]
        max_parallel: 1
        inputs: {house: "${item}"}
        after: ground
      end: {action: gate, inputs: {flag: "${params.flag}"}, after: floors}
  whole:
    nodes:
      rooms: {action: rooms, inputs: {house: red}, undo: unmake}
      end: {action: gate, inputs: {flag: "${params.flag}"}, after: rooms}
  each:
    nodes:
      made: {action: make, map: [a, b], inputs: {name: "${item}"}, undo: unmake}
      end: {action: gate, inputs: {flag: "${params.flag}"}, after: made}
  kept:
    nodes:
      made: {action: make, inputs: {name: kept}, undo: unmake, cache: true}
      end: {action: gate, inputs: {flag: "${params.flag}"}, after: made}
"""

ACTIONS = """
import os
from pathlib import Path

from synapse_core import action

LOG = Path(__file__).parents[2] / "log"


def note(text):
    with LOG.open("a") as log:
        log.write(text + "\\n")


@action
def make(name: str) -> dict:
    note(f"make {name}")
    return {"name": name}


@action
def unmake(name: str = "all"):
    note(f"unmake {name}")


@action
def gate(flag: str) -> dict:
    if not os.path.exists(flag):
        raise ValueError("closed")
    return {}
"""

HOUSE = ["walls", "roof", "look", "stairs"]
MADE = ["make ground", *(f"make {house}/{part}" for house in ("red", "blue") for part in HOUSE)]
UNMADE = [
    *(
        f"unmake {house}/{part}"
        for house in ("blue", "red")
        for part in ("stairs", "roof", "walls")
    ),
    "unmake ground",
]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    folder = tmp_path / "plugins" / "back"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "back.py").write_text(ACTIONS, encoding="utf-8")
    with open_workspace(tmp_path / "home", [folder.parent]) as opened:
        yield opened


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    return tmp_path / "flag"


def run(workspace: Workspace, name: str, flag: Path) -> Run:
    return end(
        workspace,
        start_pipeline(
            workspace, StartPipeline(plugin="back", pipeline=name, params={"flag": str(flag)})
        ),
    )


def end(workspace: Workspace, started: Run) -> Run:
    ended = wait_run(workspace, started.id, timeout_s=PATIENCE_S)
    assert ended.status.is_terminal
    return ended


def said(workspace: Workspace) -> list[str]:
    """Return what was made and unmade since the last call."""
    log = workspace.home.root.parent / "log"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines


def rows(workspace: Workspace, of: Run) -> dict[str, ActionProgress]:
    return {one.name: one for one in get_progress(workspace, of.id).rows}


def undone(workspace: Workspace, of: Run) -> set[str]:
    shown = rows(workspace, of).items()
    return {name for name, one in shown if (one.message or "").endswith("(undone)")}


def test_what_pipelines_within_a_failed_one_did_is_undone_the_latest_first(
    workspace: Workspace, flag: Path
) -> None:
    failed = run(workspace, "village", flag)

    assert failed.status is RunStatus.FAILED
    assert said(workspace) == [*MADE, *UNMADE]
    assert undone(workspace, failed) >= {"ground", "floors/stairs"}

    flag.touch()
    resumed = end(workspace, resume_pipeline(workspace, failed.id))

    assert resumed.status is RunStatus.SUCCEEDED
    assert said(workspace) == [line for line in MADE if "look" not in line]
    assert undone(workspace, resumed) == set()


def test_what_was_taken_over_is_undone_once_by_whoever_takes_it(
    workspace: Workspace, flag: Path
) -> None:
    flag.touch()
    first = run(workspace, "village", flag)
    assert said(workspace) == MADE
    flag.unlink()
    # The last node runs again, as something else is asked of it.
    other = {"flag": f"{flag}.other"}

    second = end(workspace, resume_pipeline(workspace, first.id, params=dict(other)))

    assert second.status is RunStatus.FAILED
    assert said(workspace) == UNMADE

    third = end(workspace, resume_pipeline(workspace, first.id, params=dict(other)))

    assert third.status is RunStatus.FAILED
    again = [line for line in MADE if "look" not in line]
    assert said(workspace) == [*again, *UNMADE]


def test_one_that_has_an_undo_is_undone_by_it_alone(workspace: Workspace, flag: Path) -> None:
    failed = run(workspace, "whole", flag)

    assert failed.status is RunStatus.FAILED
    made = ["make red/walls", "make red/roof", "make red/look"]
    assert said(workspace) == [*made, "unmake red/look"]

    flag.touch()
    assert end(workspace, resume_pipeline(workspace, failed.id)).status is RunStatus.SUCCEEDED
    assert said(workspace) == made


def test_what_undoes_a_node_is_no_run_of_it(workspace: Workspace, flag: Path) -> None:
    failed = run(workspace, "each", flag)

    assert said(workspace)[2:] in (["unmake a", "unmake b"], ["unmake b", "unmake a"])
    made = rows(workspace, failed)["made"]
    assert (made.done, made.total, made.message) == (2, 2, "(undone)")
    assert len(made.run_ids) == 2
    assert failed.failure is not None
    assert rows(workspace, failed)["end"].run_ids[0] in failed.failure.hint


def test_what_came_from_the_cache_stays_and_what_was_undone_leaves_it(
    workspace: Workspace, flag: Path
) -> None:
    run(workspace, "kept", flag)
    assert said(workspace) == ["make kept", "unmake kept"]

    flag.touch()
    assert run(workspace, "kept", flag).status is RunStatus.SUCCEEDED
    assert said(workspace) == ["make kept"]

    flag.unlink()
    assert run(workspace, "kept", flag).status is RunStatus.FAILED
    assert said(workspace) == []


def test_in_one_process_it_is_undone_the_same() -> None:
    log: list[str] = []

    @action
    def make(name: str) -> dict[str, str]:
        log.append(f"make {name}")
        return {"name": name}

    @action
    def unmake(name: str = "all") -> None:
        log.append(f"unmake {name}")

    @action
    def fail(seen: list[dict[str, str]]) -> None:
        raise ValueError(len(seen))

    walls = Node(make, "walls").inputs(name=params.house).options(undo=unmake)
    roof = Node(make, "roof").inputs(name="roof").options(undo=unmake).after(walls)
    rooms = Node(ActionPipeline([walls, roof], name="rooms", output={"name": "x"}), "rooms")
    floor = ActionPipeline([rooms.inputs(house=params.house)], name="floor")
    houses = Node(floor, "houses").map(over=["red", "blue"]).inputs(house=item)

    with pytest.raises(PipelineError, match="fail failed"):
        ActionPipeline([houses, Node(fail).inputs(seen=houses)]).execute({})

    assert log == [
        "make red", "make roof", "make blue", "make roof",
        "unmake roof", "unmake blue", "unmake roof", "unmake red",
    ]  # fmt: skip


def test_in_one_process_the_undo_of_a_whole_pipeline_is_enough() -> None:
    log: list[str] = []

    @action
    def make(name: str) -> dict[str, str]:
        return {"name": name}

    @action
    def unmake(name: str = "all") -> None:
        log.append(f"unmake {name}")

    @action
    def fail() -> None:
        raise ValueError

    inner = ActionPipeline([Node(make).inputs(name="a").options(undo=unmake)], name="inner")
    outer = Node(inner).options(undo=unmake)

    with pytest.raises(PipelineError):
        ActionPipeline([outer, Node(fail).after(outer)]).execute({})

    assert log == ["unmake a"]

"""A pipeline as a node of another: checked before it runs, part of one tree, resumed inside."""

import io
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core import ProcessPipelineExecutor, action
from synapse_core.errors import InvalidInputError, PipelineDefinitionError, PipelineError
from synapse_core.model.pipeline_progress import ActionProgress
from synapse_core.model.run import Resources, Run, RunFilter, RunKind, RunStatus, WorkerId
from synapse_core.operations.pipelines.verbs import (
    StartPipeline,
    describe_pipeline,
    get_progress,
    resume_pipeline,
    start_pipeline,
)
from synapse_core.operations.runs import cancel_run, get_run, wait_run
from synapse_core.pipelines import ActionPipeline, Node, display_progress, params
from synapse_core.pipelines.drawing.text import draw_text
from synapse_core.types import JSONValue
from synapse_core.workspace import Workspace, open_workspace

PATIENCE_S = 50.0

CONFIG = """
name: Nests
code: nests
actions:
  double: {entrypoint: "nests:double"}
  gate: {entrypoint: "nests:gate"}
  spread: {entrypoint: "nests:spread"}
  wait: {entrypoint: "nests:wait"}
pipelines:
  inner:
    params: {flag: ""}
    nodes:
      twice: {action: double, inputs: {number: "${params.number}"}}
      four: {action: double, inputs: {number: "${twice.number}"}}
      gate: {action: gate, inputs: {number: "${four.number}", flag: "${params.flag}"}}
  outer:
    params: {flag: ""}
    nodes:
      first: {action: double, inputs: {number: 1}}
      inside: {action: inner, inputs: {number: "${first.number}", flag: "${params.flag}"}}
      last: {action: nests/double, inputs: {number: "${inside.number}"}}
  each:
    nodes:
      spread: {action: spread, inputs: {count: 3}}
      inner: {action: inner, map: "${spread.numbers}", inputs: {number: "${item}"}}
  waiting:
    chain: [hang]
  hang:
    chain: [wait]
"""

ACTIONS = """
import os

from pydantic import BaseModel

from synapse_core import RuntimeContext, action


class Number(BaseModel):
    number: int


@action(result=Number)
def double(number: int, ctx: RuntimeContext):
    (ctx.pipeline.datasets_dir / f"{number}").touch()
    return Number(number=2 * number)


@action(result=Number)
def gate(number: int, flag: str, ctx: RuntimeContext):
    if flag and not os.path.exists(flag):
        raise ValueError("closed")
    (ctx.pipeline.datasets_dir / f"{number}").touch()
    return Number(number=number)


@action
def spread(count: int) -> dict:
    return {"numbers": list(range(1, count + 1))}


@action
def wait(ctx: RuntimeContext):
    while True:
        ctx.sleep(0.05)
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    folder = tmp_path / "plugins" / "nests"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "nests.py").write_text(ACTIONS, encoding="utf-8")
    return folder


@pytest.fixture
def workspace(tmp_path: Path, plugin: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "home", [plugin.parent]) as opened:
        yield opened


def start(workspace: Workspace, name: str, **given: JSONValue) -> Run:
    return start_pipeline(workspace, StartPipeline(plugin="nests", pipeline=name, params=given))


def end(workspace: Workspace, run: Run) -> Run:
    ended = wait_run(workspace, run.id, timeout_s=PATIENCE_S)
    assert ended.status.is_terminal
    return ended


def nodes(workspace: Workspace, run_id: str) -> dict[str, Run]:
    found = workspace.runs.list(RunFilter(parent_id=run_id), limit=100).items
    return {one.node: one for one in found}


def rows(workspace: Workspace, run: Run) -> dict[str, ActionProgress]:
    return {one.name: one for one in get_progress(workspace, run.id).rows}


def statuses(workspace: Workspace, run: Run) -> dict[str, str]:
    return {name: one.status.value for name, one in rows(workspace, run).items()}


def test_it_runs_as_a_part_of_the_same_tree_and_shares_its_folders(workspace: Workspace) -> None:
    run = start(workspace, "outer")

    ended = end(workspace, run)

    assert (ended.status, ended.result) == (RunStatus.SUCCEEDED, {"number": 16})
    inside = nodes(workspace, run.id)["inside"]
    assert (inside.kind, inside.parent_id, inside.node) == (RunKind.PIPELINE, run.id, "inside")
    assert set(nodes(workspace, inside.id)) == {"twice", "four", "gate"}
    shared = workspace.home.run_dir(run.id) / "shared"
    assert {file.name for file in shared.rglob("*") if file.is_file()} == {"1", "2", "4", "8"}


def test_progress_and_display_show_the_whole_tree(workspace: Workspace) -> None:
    run = start(workspace, "outer")
    end(workspace, run)
    progress = get_progress(workspace, run.id)
    shown = io.StringIO()

    display_progress([progress], shown)

    listed = [one.name for one in progress.rows]
    assert listed == ["first", "inside", "inside/twice", "inside/four", "inside/gate", "last"]
    assert progress.rows[2].needs == ["inside"]
    assert progress.rows[3].needs == ["inside/twice"]
    assert [line.split()[0] for line in shown.getvalue().splitlines()] == [*listed, "outer"]
    plan = describe_pipeline(workspace, "nests", "outer").plan
    assert "┊    └─ gate  nests/gate\n" in draw_text(plan)


def test_it_is_repeated_for_each_item_of_a_list(workspace: Workspace) -> None:
    run = start(workspace, "each")

    assert end(workspace, run).result == [{"number": 4}, {"number": 8}, {"number": 12}]
    assert {"inner[0]", "inner[1]", "inner[2]"} < set(nodes(workspace, run.id))


def test_resuming_goes_inside(workspace: Workspace, tmp_path: Path, plugin: Path) -> None:
    flag = tmp_path / "flag"
    failed = end(workspace, start(workspace, "outer", flag=str(flag)))
    assert failed.status is RunStatus.FAILED
    assert failed.failure is not None
    assert "inside failed" in failed.failure.message
    assert "gate failed: ValueError" in failed.failure.message
    flag.touch()

    resumed = resume_pipeline(workspace, failed.id)

    assert end(workspace, resumed).result == {"number": 16}
    assert statuses(workspace, resumed) == {
        "first": "skipped",
        "inside": "succeeded",
        "inside/twice": "skipped",
        "inside/four": "skipped",
        "inside/gate": "succeeded",
        "last": "succeeded",
    }
    again = resume_pipeline(workspace, resumed.id)
    end(workspace, again)
    assert set(statuses(workspace, again).values()) == {"skipped"}
    (plugin / "nests.py").write_text(f"{ACTIONS}\n# changed\n", encoding="utf-8")
    end(workspace, changed := resume_pipeline(workspace, again.id))
    assert set(statuses(workspace, changed).values()) == {"succeeded"}


def test_cancelling_reaches_what_runs_inside(workspace: Workspace) -> None:
    run = start(workspace, "waiting")
    until = time.monotonic() + PATIENCE_S
    while statuses(workspace, run).get("hang/wait") != "running":
        assert time.monotonic() < until
        wait_run(workspace, run.id, timeout_s=0.05)

    cancel_run(workspace, run.id, wait_s=PATIENCE_S)

    assert statuses(workspace, run) == {"hang": "cancelled", "hang/wait": "cancelled"}
    inner = nodes(workspace, run.id)["hang"]
    assert end(workspace, nodes(workspace, inner.id)["wait"]).status is RunStatus.CANCELLED


def test_whoever_conducts_it_may_be_killed(workspace: Workspace) -> None:
    run = start(workspace, "each")
    killed: set[str] = set()
    until = time.monotonic() + PATIENCE_S
    while not get_run(workspace, run.id).status.is_terminal:
        assert time.monotonic() < until
        for node, inner in nodes(workspace, run.id).items():
            owner = workspace.runs.get(inner.id).owner
            if inner.kind is RunKind.PIPELINE and owner is not None and node not in killed:
                killed.add(node)
                os.kill(WorkerId.parse(owner).pid, signal.SIGKILL)
        wait_run(workspace, run.id, timeout_s=0.05)

    assert get_run(workspace, run.id).result == [{"number": 4}, {"number": 8}, {"number": 12}]
    for inner in nodes(workspace, run.id).values():
        made = nodes(workspace, inner.id)
        assert set(made) in ({"twice", "four", "gate"}, set())
        assert all(one.status is RunStatus.SUCCEEDED for one in made.values())
    assert killed


def test_what_does_not_fit_is_told_before_anything_runs(workspace: Workspace, plugin: Path) -> None:
    wrong = """
  lacking:
    nodes:
      inside: {action: inner, inputs: {numbr: 1}}
  asking:
    nodes:
      inside: {action: inner, inputs: {number: 1}}
      last: {action: double, inputs: {number: "${inside.nothing}"}}
  given:
    nodes:
      inside: {action: inner, inputs: {number: 1}, retries: 3}
      undone: {action: double, inputs: {number: 1}, undo: inner}
"""
    (plugin / "config.yaml").write_text(CONFIG + wrong, encoding="utf-8")

    for name, told in (
        ("lacking", "inner takes no param 'numbr'"),
        ("asking", "The result of inside has no field 'nothing'"),
        ("given", "inner is a pipeline, which undoes nothing"),
    ):
        with pytest.raises(PipelineDefinitionError, match=told):
            describe_pipeline(workspace, "nests", name)


def test_a_pipeline_that_would_run_itself_is_refused(workspace: Workspace, plugin: Path) -> None:
    circle = "  egg:\n    chain: [double, hen]\n  hen:\n    chain: [egg]\n"
    (plugin / "config.yaml").write_text(CONFIG + circle, encoding="utf-8")
    with pytest.raises(InvalidInputError, match="would run itself: egg runs hen runs egg"):
        start(workspace, "egg", number=1)

    other = plugin.parent / "other"
    other.mkdir()
    (plugin / "config.yaml").write_text(f"{CONFIG}  away:\n    chain: [other/back]\n")
    (other / "config.yaml").write_text(
        "name: O\ncode: other\npipelines:\n  back:\n    chain: [nests/away]\n"
    )
    with pytest.raises(PipelineDefinitionError, match="nests/away → other/back → nests/away"):
        start(workspace, "away")


@action
def add(a: int, b: int = 1) -> dict[str, int]:
    """Add two numbers."""
    return {"a": a + b}


@action
def fail(a: int) -> None:
    """Fail."""
    raise ValueError(a)


def test_in_one_process_it_runs_the_same() -> None:
    inner = ActionPipeline([add, add], name="two")
    first = Node(add).inputs(a=params.a)
    inside = Node(inner, "inside").inputs(a=first.a, b=10)
    outer = ActionPipeline([first, inside], output=inside.a)

    assert outer.execute({"a": 1}) == 22
    assert ActionPipeline([add, inner, add]).execute({"a": 0, "b": 2}) == {"a": 8}
    with pytest.raises(PipelineError, match="bad failed: PipelineError: The node fail failed"):
        ActionPipeline([ActionPipeline([fail], name="bad")]).execute({"a": 1})
    with pytest.raises(PipelineDefinitionError, match="resources of the nodes in it"):
        ActionPipeline([Node(inner, "x").options(resources=Resources(cpus=2))])


def test_it_is_submitted_from_python(workspace: Workspace, plugin: Path, tmp_path: Path) -> None:
    inner = ActionPipeline([Node("nests/double")], name="once")
    pipeline = ActionPipeline([Node(inner)])
    with ProcessPipelineExecutor(tmp_path / "home", [plugin.parent]) as executor:
        run_id = pipeline.submit({"number": 5}, executor)

        assert pipeline.wait(run_id, executor, PATIENCE_S) == {"number": 10}
        assert [one.name for one in executor.get_progress(run_id).rows] == ["once", "once/double"]
    assert workspace.runs.get(run_id).plugin == "nests"

"""What a check of a plugin says of its pipelines: all of it at once, with node and field."""

from pathlib import Path

import pytest

from synapse_core.errors import PipelineDefinitionError
from synapse_core.model.plugin import Severity
from synapse_core.operations.checking import CheckReport, check_plugin
from synapse_core.operations.pipelines.verbs import describe_pipeline
from synapse_core.workspace import Workspace, open_workspace

HEAD = """
name: Bad
code: bad
version: 1.0.0
actions:
  fetch: {entrypoint: "bad_actions:fetch", output_type: yolo_dataset}
  train: {entrypoint: "bad_actions:train", input_type: coco_dataset}
  scan: {entrypoint: "bad_actions:scan"}
pipelines:
"""

CODE = '''
"""Actions."""

from pydantic import BaseModel

from synapse_core import action


class Found(BaseModel):
    """What there is."""

    path: str
    count: int


@action(result=Found)
def fetch(n: int) -> Found:
    """Fetch."""
    return Found(path="x", count=n)


@action
def train(dataset: str, epochs: int, quick: bool = False) -> dict[str, str]:
    """Train."""
    return {"dataset": dataset}


@action
def scan(x: int) -> dict[str, int]:
    """Scan."""
    return {"y": x}
'''

MISFITS = """
  one:
    nodes:
      fetch: {action: fetch, inputs: {n: "${params.n}"}}
      train: {action: train, inputs: {dataset: "${fetch.pth}", epochs: ten, quick: "yes", lr: 0.1}}
      mapped: {action: scan, map: "${fetch.count}", inputs: {x: "${item}"}}
      miss: {action: scan, inputs: {}}
      whole: {action: scan, inputs: {x: "${fetch}"}}
    output: ${fetch.nope}
"""

SHAPE = """
  one:
    nodes:
      latest: {action: scan, inputs: {x: 1}}
      left: {action: scan, inputs: {x: "${right.y}"}}
      right: {action: scan, inputs: {x: "${left.y}"}}
      other: {action: scan, inputs: {x: "${index}"}, after: nobody}
      when: {action: scan, inputs: {x: 1}, when: "${left.y} >> 3"}
"""


def check(tmp_path: Path, pipelines: str) -> CheckReport:
    folder = tmp_path / "plugins" / "bad"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(HEAD + pipelines, encoding="utf-8")
    (folder / "bad_actions.py").write_text(CODE, encoding="utf-8")
    with open_workspace(tmp_path / "home", [folder.parent]) as workspace:
        return check_plugin(workspace, "bad")


def found(report: CheckReport) -> dict[str, str]:
    told = [one for one in report.diagnostics if one.code == "invalid-pipeline"]
    assert all(one.line > 0 for one in told)
    return {one.key.removeprefix("pipelines.one."): one.message for one in told}


def test_actions_that_do_not_fit_together_are_found(tmp_path: Path) -> None:
    report = check(tmp_path, MISFITS)

    assert not report.ok
    assert found(report) == {
        "nodes.train.input_type": "train consumes coco_dataset, but fetch gives yolo_dataset.",
        "nodes.train.inputs.dataset": "The result of fetch has no field 'pth'.",
        "nodes.train.inputs.epochs": "train wants number, and is given the text 'ten'.",
        "nodes.train.inputs.lr": "train takes no param 'lr'.",
        "nodes.mapped.map": "It is repeated for number, which is no list.",
        "nodes.miss.inputs.x": "scan needs the param 'x', and nothing gives it.",
        "nodes.whole.inputs.x": "scan wants number, and is given object.",
        "output": "The result of fetch has no field 'nope'.",
    }


def test_all_faults_of_the_shape_are_found_at_once(tmp_path: Path) -> None:
    assert set(found(check(tmp_path, SHAPE))) == {
        "nodes.latest",
        "nodes.left",
        "nodes.other.after",
        "nodes.other.inputs.x",
        "nodes.when.when",
    }


def test_an_action_of_a_plugin_that_is_not_here_is_no_error(tmp_path: Path) -> None:
    away = '  one: {nodes: {away: {action: "elsewhere/scan", inputs: {x: 1}}}}\n'

    report = check(tmp_path, away)

    assert report.ok
    (told,) = report.diagnostics
    assert told.severity is Severity.WARNING
    assert "elsewhere" in told.message


def test_what_changes_in_another_plugin_is_seen(tmp_path: Path) -> None:
    other = tmp_path / "plugins" / "other"
    other.mkdir(parents=True)
    (other / "config.yaml").write_text(
        'name: O\ncode: other\nactions:\n  show: {entrypoint: "shown:show"}\n', encoding="utf-8"
    )
    shown = "from synapse_core import action\n\n\n@action\ndef show({}: int):\n    return {{}}\n"
    (other / "shown.py").write_text(shown.format("x"), encoding="utf-8")
    uses = '  one: {nodes: {show: {action: "other/show", inputs: {x: 1}}}}\n'
    assert check(tmp_path, uses).ok

    (other / "shown.py").write_text(shown.format("y"), encoding="utf-8")

    assert set(found(check(tmp_path, uses))) == {"nodes.show.inputs.x", "nodes.show.inputs.y"}


def test_who_starts_it_is_told_node_and_field_of_each(workspace: Workspace, plugin: Path) -> None:
    config = plugin / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("{count: 2}", "{cuont: 2}"), encoding="utf-8")

    with pytest.raises(PipelineDefinitionError) as caught:
        describe_pipeline(workspace, "works", "failing")

    problems = caught.value.data["problems"]
    assert isinstance(problems, list)
    paths = [problem["path"] for problem in problems if isinstance(problem, dict)]
    assert paths == ["other.inputs.cuont", "other.inputs.count"]

"""What every `RunService` must do.

Derive from `RunServiceContract` and override its fixture `far`; pytest does the rest:

    class TestMyService(RunServiceContract):
        @pytest.fixture
        def far(self, tmp_path: Path, plugins: Path) -> Iterator[Far]:
            with open_workspace(tmp_path / "far", [plugins]) as workspace:
                yield Far(MyService(workspace), workspace)
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from synapse_core.errors import (
    ActionNotFoundError,
    ArtifactNotFoundError,
    CursorError,
    InvalidInputError,
    ParamsError,
    PipelineNotFoundError,
    PluginNotFoundError,
    RunNotFoundError,
    SynapseError,
)
from synapse_core.model.run import ArtifactInfo, Run, RunKind, RunStatus
from synapse_core.operations.pipelines.documents import (
    PipelineListing,
    parse_description,
    parse_listing,
)
from synapse_core.operations.plugin_documents import parse_action, parse_page, parse_plugin
from synapse_core.operations.plugins import pipeline_names
from synapse_core.ports import RunService
from synapse_core.testing.contracts.runs import ALL, a_run
from synapse_core.types import JSONObject
from synapse_core.workspace import Workspace

__all__ = ["Far", "RunServiceContract"]

_PATIENCE_S = 30.0
_LOOK_S = 0.02
_NOBODY = "20260101-000000-00000099"
_CONFIG = """
name: Served
code: served
version: 1.0.0
actions:
  save: {entrypoint: "served:save"}
pipelines:
  two:
    description: Saves twice.
    nodes:
      first: {action: save, inputs: {text: one}}
      second: {action: save, inputs: {text: two}, after: [first]}
"""
_CODE = """
from synapse_core import action

@action
def save(text: str, ctx) -> dict[str, str]:
    ctx.save_artifact(text * 1000, "deep/text.txt")
    return {"text": text}
"""


@dataclass(frozen=True, slots=True)
class Far:
    """A service, and the workspace in which it works.

    Attributes:
        service: What is tested.
        workspace: Where its runs are.
    """

    service: RunService
    workspace: Workspace

    def run(self, **order: object) -> Run:
        """Start a run and return it when it has ended."""
        return self.await_end(self.service.start(ordered(**order)))

    def await_end(self, run: Run) -> Run:
        """Return the run when it has ended."""
        return self.await_that(run, lambda found: found.status.is_terminal)

    def await_that(self, run: Run, is_so: Callable[[Run], bool]) -> Run:
        """Return the run as soon as it is so."""
        until = time.monotonic() + _PATIENCE_S
        while not is_so(found := self.workspace.runs.get(run.id)):
            assert time.monotonic() < until, f"run {run.id} is {found.status}"
            threading.Event().wait(_LOOK_S)
        return found


def ordered(**order: object) -> JSONObject:
    """Return an order to save a text, but for what is given."""
    told: JSONObject = {"plugin": "served", "action": "save", "params": {"text": "word"}}
    return {**told, **order}  # type: ignore[dict-item]  # tests give what no order has, too


def the_artifact(run: Run) -> ArtifactInfo:
    """Return what the run saved."""
    (artifact,) = run.summary.artifacts.values()
    return artifact


_WRONG_ORDERS: list[tuple[JSONObject, type[SynapseError]]] = [
    (ordered(plugin="nobody"), PluginNotFoundError),
    (ordered(params={"text": 1.5}), ParamsError),
    (ordered(params={}), ParamsError),
    (ordered(nonsense=1), InvalidInputError),
    (ordered(retries="many"), InvalidInputError),
    (ordered(executor="nowhere"), InvalidInputError),
    ({"params": {}}, InvalidInputError),
    ({"rerun_of": _NOBODY}, RunNotFoundError),
]


class RunServiceContract:
    """Every sentence of `RunService`, as tests."""

    @pytest.fixture
    def plugins(self, tmp_path: Path) -> Path:
        """Return a folder with the plugin that the service must offer."""
        plugin = tmp_path / "plugins" / "served"
        plugin.mkdir(parents=True)
        (plugin / "config.yaml").write_text(_CONFIG, encoding="utf-8")
        (plugin / "served.py").write_text(_CODE, encoding="utf-8")
        return plugin.parent

    @pytest.fixture
    def far(self) -> Far:
        """Return the service; to be overridden."""
        raise NotImplementedError

    def test_it_has_an_address(self, far: Far) -> None:
        assert "://" in far.service.url

    def test_a_run_is_started_and_executed(self, far: Far) -> None:
        run = far.service.start(ordered(env={"A": "1"}, retries=2, timeout_s=50))

        assert not run.status.is_terminal
        ended = far.await_end(run)
        assert ended.status is RunStatus.SUCCEEDED
        assert ended.result == {"text": "word"}
        assert (ended.env, ended.retry.retries, ended.timeout_s) == ({"A": "1"}, 2, 50)

    def test_one_key_starts_one_run(self, far: Far) -> None:
        first, second = (far.service.start(ordered(idempotency_key="k")) for _ in range(2))

        assert first.id == second.id
        far.await_end(first)

    def test_what_is_only_checked_is_not_started(self, far: Far) -> None:
        checked = far.service.start(ordered(dry_run=True))

        assert checked.params == {"text": "word"}
        assert far.workspace.runs.list(ALL).items == ()

    def test_a_run_is_repeated_with_other_params(self, far: Far) -> None:
        first = far.run()
        again = far.await_end(
            far.service.start({"rerun_of": first.id, "params": {"text": "other"}})
        )

        assert again.rerun_of == first.id
        assert again.result == {"text": "other"}

    def test_an_order_that_cannot_be_met_starts_nothing(self, far: Far) -> None:
        for order, fault in _WRONG_ORDERS:
            with pytest.raises(fault) as caught:
                far.service.start(order)
            assert caught.value.hint, order

        assert far.workspace.runs.list(ALL).items == ()

    def test_a_file_is_brought(self, far: Far, tmp_path: Path) -> None:
        run = far.run()
        to = tmp_path / "new" / "folder" / "text.txt"
        far.service.fetch(run.id, the_artifact(run), to)

        assert to.read_text() == "word" * 1000
        assert [path.name for path in to.parent.iterdir()] == ["text.txt"]

    def test_a_file_takes_the_place_of_an_earlier_one(self, far: Far, tmp_path: Path) -> None:
        run = far.run()
        to = tmp_path / "text.txt"
        to.write_text("x" * 99_999)
        far.service.fetch(run.id, the_artifact(run), to)

        assert to.read_text() == "word" * 1000

    def test_a_file_that_is_not_there_leaves_the_earlier_one(
        self, far: Far, tmp_path: Path
    ) -> None:
        run = far.run()
        folder = tmp_path / "brought"
        folder.mkdir()
        (folder / "text.txt").write_text("earlier")
        missing = ArtifactInfo("none.txt", "artifacts/none.txt", 1, "0" * 64, "text/plain")

        with pytest.raises(ArtifactNotFoundError):
            far.service.fetch(run.id, missing, folder / "text.txt")
        with pytest.raises(RunNotFoundError):
            far.service.fetch(_NOBODY, the_artifact(run), folder / "text.txt")
        assert (folder / "text.txt").read_text() == "earlier"
        assert len(list(folder.iterdir())) == 1

    def test_ended_runs_are_removed_with_all_they_left(self, far: Far) -> None:
        run = far.run()
        folder = far.workspace.home.run_dir(run.id)
        would_free = far.service.delete([run.id], dry_run=True)

        assert far.workspace.runs.get(run.id) == run
        assert would_free >= 4000
        assert far.service.delete([run.id], dry_run=False) == would_free
        assert not folder.exists()
        with pytest.raises(RunNotFoundError):
            far.workspace.runs.get(run.id)

    def test_runs_that_go_on_and_unknown_ones_are_passed_over(self, far: Far) -> None:
        run = far.workspace.runs.create(a_run(executor="elsewhere"))
        odd = ["", "..", "../../x", "no text \udc80", _NOBODY]

        assert far.service.delete([run.id, *odd], dry_run=False) == 0
        assert far.workspace.runs.get(run.id) == run

    def test_plugins_are_found_and_their_actions_described(self, far: Far) -> None:
        page = parse_page(far.service.plugins("", category=None, limit=10, cursor=None))
        (plugin,) = page.items
        described = parse_action(far.service.action("served", "save"))
        pipeline = parse_action(far.service.action("served", "two"))

        assert page.next_cursor is None
        assert parse_plugin(far.service.plugin("served")) == plugin
        assert (plugin.code, plugin.version, list(plugin.actions)) == ("served", "1.0.0", ["save"])
        assert pipeline_names(plugin) == ("two",)
        assert described.schema.params["required"] == ["text"]
        assert (pipeline.spec.kind, pipeline.schema.example) == ("pipeline", {})
        told = f"{far.service.plugin('served')} {far.service.action('served', 'save')}"
        assert str(far.workspace.home.root.parent) not in told
        assert far.service.plugins("nothing", category=None, limit=1, cursor=None) == {
            "plugins": [],
            "next_cursor": None,
        }

    def test_what_is_not_there_is_told(self, far: Far) -> None:
        with pytest.raises(PluginNotFoundError):
            far.service.plugin("nobody")
        with pytest.raises(ActionNotFoundError, match="Did you mean 'save'"):
            far.service.action("served", "sav")
        with pytest.raises(CursorError):
            far.service.plugins("", category=None, limit=1, cursor="odd")
        with pytest.raises(InvalidInputError, match="category"):
            far.service.plugins("", category="odd", limit=1, cursor=None)

    def test_pipelines_are_listed_and_described(self, far: Far) -> None:
        (listed,) = far.service.pipelines(None)
        described = far.service.pipeline("served", "two")

        assert far.service.pipelines("served") == [listed]
        assert parse_listing(listed) == PipelineListing(
            plugin="served", name="two", description="Saves twice.", nodes=("first", "second")
        )
        plan = parse_description(described).plan
        assert [(node.name, node.target.action, node.needs) for node in plan.nodes] == [
            ("first", "save", ()),
            ("second", "save", ("first",)),
        ]
        assert str(far.workspace.home.root.parent) not in str(described)
        with pytest.raises(PluginNotFoundError):
            far.service.pipelines("nobody")
        with pytest.raises(PipelineNotFoundError):
            far.service.pipeline("served", "nothing")

    def test_it_tells_how_a_pipeline_stands(self, far: Far) -> None:
        run = far.run(action="two", params={})
        progress = far.service.progress(run.id)

        assert run.kind is RunKind.PIPELINE
        assert (progress.run_id, progress.status) == (run.id, RunStatus.SUCCEEDED)
        assert [(one.name, one.needs) for one in progress.progress] == [
            ("first", []),
            ("second", ["first"]),
        ]
        assert all(one.progress == 1.0 for one in progress.progress)

    def test_only_pipelines_stand_somehow(self, far: Far) -> None:
        run = far.workspace.runs.create(a_run(executor="elsewhere"))

        with pytest.raises(InvalidInputError, match="no pipeline"):
            far.service.progress(run.id)
        with pytest.raises(RunNotFoundError):
            far.service.progress(_NOBODY)

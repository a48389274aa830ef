"""Nodes of pipelines on machines that do not see the home."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core import RayPipelineExecutor
from synapse_core.model.run import RunFilter
from synapse_core.pipelines import ActionPipeline, Node
from synapse_core.runs.nodes import shared_folder
from synapse_core.workspace import Workspace
from tests.ray.far import RUN_TOKEN, Far, can_be_built
from tests.ray.faraway import assert_nothing_is_left, lines, make_far_plugin, open_far
from tests.ray.looking import kill, messages
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not can_be_built(), reason="needs a user who may make networks"),
]


@pytest.fixture(scope="module")
def plugin(far: Far) -> Path:
    return make_far_plugin(far)


@pytest.fixture
def workspace(far: Far, plugin: Path) -> Iterator[Workspace]:
    with open_far(far, plugin) as opened:
        yield opened


def test_nodes_of_a_pipeline_run_away_and_pass_on_what_they_return(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    first = Node("far_trials/count", "first").inputs(to=3, pause=0.0)
    second = Node("far_trials/count", "second").inputs(to=first, pause=0.0)
    pipeline = ActionPipeline([first, second], name="spread")

    with RayPipelineExecutor("far", plugin.parent, home=workspace.home.root) as executor:
        run_id = pipeline.submit({}, executor)
        assert pipeline.wait(run_id, executor, PATIENCE_S) == 3

    nodes = workspace.runs.list(RunFilter(parent_id=run_id), limit=10).items
    assert {node.node: messages(workspace, node.id) for node in nodes} == {
        "first": lines(3),
        "second": lines(3),
    }
    assert {node.executor for node in nodes} == {"actor@far"}
    for node in nodes:
        assert_nothing_is_left(far, node)


def test_who_starts_a_pipeline_may_say_where_the_service_is_reached(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    home, url = workspace.home.root, far.service_url
    (home / "service-token").write_text(RUN_TOKEN)
    run = ActionPipeline([Node("far_trials/count").inputs(to=2, pause=0.0)])
    with RayPipelineExecutor(
        "blind", plugin.parent, home=home, actor_pipeline_service_url=url
    ) as executor:
        assert run.wait(run.submit({}, executor), executor, PATIENCE_S) == 2


def test_nodes_away_share_the_folders_of_their_pipeline(workspace: Workspace, plugin: Path) -> None:
    first = Node("far_trials/share", "first").inputs(word="one")
    second = Node("far_trials/append", "second").inputs(path=first, word=" two")
    third = Node("far_trials/append_warm", "third").inputs(path=second, word=" three")
    pipeline = ActionPipeline([first, second, third])

    with RayPipelineExecutor("far", plugin.parent, home=workspace.home.root) as executor:
        run_id = pipeline.submit({}, executor)
        pipeline.wait(run_id, executor, PATIENCE_S)

    base, owner = shared_folder(workspace.home, run_id)
    assert (base / owner / "datasets" / "word.txt").read_text() == "one two three"


def test_a_node_whose_machine_is_killed_under_it_runs_again_and_the_others_do_not(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    marker = far.node_home / "pipeline_marker"
    first = Node("far_trials/count", "first").inputs(to=1, pause=0.0)
    second = Node("far_trials/count", "second").options(retries=2)
    second = second.inputs(to=first, pause=0.0, marker=str(marker))
    pipeline = ActionPipeline([first, second])

    with RayPipelineExecutor("far", plugin.parent, home=workspace.home.root) as executor:
        run_id = pipeline.submit({}, executor)
        wait_until(marker.exists)
        nodes = workspace.runs.list(RunFilter(parent_id=run_id), limit=10).items
        kill(far.supervisor_of(next(node for node in nodes if node.node == "second")))
        assert pipeline.wait(run_id, executor, PATIENCE_S) == 1

    nodes = workspace.runs.list(RunFilter(parent_id=run_id), limit=10).items
    assert {node.node: node.attempt for node in nodes} == {"first": 1, "second": 2}

"""Pipelines whose nodes run on Ray: nothing but their place is another."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core import RayPipelineExecutor
from synapse_core.clients.sync_service import PipelineServiceClient
from synapse_core.config.home import Home
from synapse_core.errors import PipelineError, RunCancelledError
from synapse_core.executors.ray.cluster.options import ClusterOptions
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.model.run import Resources, Run, RunFilter, RunStatus
from synapse_core.pipelines import ActionPipeline, Node, params
from synapse_core.testing.service import RUN_TOKEN, serving
from synapse_core.workspace import Workspace, open_workspace
from tests.ray.looking import child_of, is_gone, kill, launchers
from tests.waiting import PATIENCE_S, wait_until


@pytest.fixture
def executor(ray_home: Home, plugin: Path, workspace: Workspace) -> Iterator[RayPipelineExecutor]:
    del workspace  # with which the cluster is up
    with RayPipelineExecutor(working_dir=plugin.parent, home=ray_home.root) as opened:
        yield opened


def node_runs(workspace: Workspace, run_id: str) -> dict[str, Run]:
    found = workspace.runs.list(RunFilter(parent_id=run_id), limit=100).items
    return {run.node: run for run in found}


def statuses(executor: RayPipelineExecutor, run_id: str) -> dict[str, str]:
    return {one.name: one.status.value for one in executor.get_progress(run_id).progress}


def wait_for_node(workspace: Workspace, run_id: str, name: str) -> Run:
    """Return the run of a node that has begun."""
    wait_until(lambda: getattr(node_runs(workspace, run_id).get(name), "status", "") == "running")
    return node_runs(workspace, run_id)[name]


def test_nodes_run_on_the_cluster_and_what_they_return_is_passed_on(
    workspace: Workspace, executor: RayPipelineExecutor
) -> None:
    first = Node("trials/echo", "first").inputs(text=params.text)
    others = [Node("trials/echo", f"other{n}").inputs(text=first) for n in range(3)]
    graph = ActionPipeline([first, *others], name="spread")

    run_id = graph.submit({"text": "hello"}, executor)

    expected = {f"other{n}": "hello" for n in range(3)}
    assert graph.wait(run_id, executor, PATIENCE_S) == expected
    made = node_runs(workspace, run_id)
    assert {one.executor for one in made.values()} == {"actor"}
    assert executor.get_status(run_id) is RunStatus.SUCCEEDED


def test_nodes_may_be_jobs(ray_home: Home, workspace: Workspace, plugin: Path) -> None:
    pipeline = ActionPipeline([Node("trials/echo").inputs(text="hello")])

    with RayPipelineExecutor(working_dir=plugin.parent, tier="job", home=ray_home.root) as executor:
        run_id = pipeline.submit({}, executor)
        assert pipeline.wait(run_id, executor, PATIENCE_S) == "hello"

    assert node_runs(workspace, run_id)["echo"].executor == "job"


def test_what_a_node_asks_for_is_asked_of_the_cluster(executor: RayPipelineExecutor) -> None:
    greedy = Node("trials/train", "greedy").options(resources=Resources(cpus=64))
    pipeline = ActionPipeline([greedy])

    with pytest.raises(PipelineError, match=r"greedy failed.*64"):
        pipeline.wait(pipeline.submit({}, executor), executor, PATIENCE_S)


def test_a_cancelled_pipeline_leaves_nothing_on_the_cluster(
    workspace: Workspace, executor: RayPipelineExecutor
) -> None:
    pipeline = ActionPipeline([Node("trials/wait")])
    run_id = pipeline.submit({}, executor)
    child = child_of(workspace, wait_for_node(workspace, run_id, "wait"))

    executor.cancel(run_id)

    with pytest.raises(RunCancelledError):
        pipeline.wait(run_id, executor, PATIENCE_S)
    wait_until(lambda: is_gone(child))


def test_a_node_whose_ray_worker_is_killed_runs_again_and_the_others_do_not(
    workspace: Workspace, executor: RayPipelineExecutor, tmp_path: Path
) -> None:
    train = Node("trials/train")
    once = Node("trials/once").inputs(marker=str(tmp_path / "marker")).after(train)
    pipeline = ActionPipeline([train, once.options(retries=2)])
    run_id = pipeline.submit({}, executor)
    wait_until((tmp_path / "marker").exists)
    (launcher,) = launchers(node_runs(workspace, run_id)["once"])

    kill(launcher)

    assert pipeline.wait(run_id, executor, PATIENCE_S) == 2
    made = node_runs(workspace, run_id)
    assert (made["train"].attempt, made["once"].attempt) == (1, 2)


def test_a_pipeline_goes_on_elsewhere_after_its_cluster_was_killed(
    workspace: Workspace, executor: RayPipelineExecutor, door: DriverDoor, tmp_path: Path
) -> None:
    train = Node("trials/train")
    once = Node("trials/once").inputs(marker=str(tmp_path / "marker")).after(train)
    pipeline = ActionPipeline([train, once], name="moved")
    run_id = pipeline.submit({}, executor)
    wait_until((tmp_path / "marker").exists)

    door.stop(force=True)

    with pytest.raises(PipelineError, match="once failed"):
        pipeline.wait(run_id, executor, PATIENCE_S)
    door.start(ClusterOptions(cpus=2))
    door.up()
    resumed = pipeline.submit({}, executor, resume_from=run_id)
    assert pipeline.wait(resumed, executor, PATIENCE_S) == 2
    assert statuses(executor, resumed) == {"train": "skipped", "once": "succeeded"}
    assert node_runs(workspace, run_id)["train"].attempt == 1


def test_a_service_of_another_home_shows_them(
    ray_home: Home, workspace: Workspace, plugin: Path, tmp_path: Path
) -> None:
    del workspace  # with which the cluster is up
    with (
        open_workspace(tmp_path / "far", ()) as far,
        serving(far) as url,
        PipelineServiceClient(url, RUN_TOKEN) as client,
        RayPipelineExecutor(
            working_dir=plugin.parent,
            home=ray_home.root,
            pipeline_service_url=url,
            pipeline_service_token=RUN_TOKEN,
        ) as executor,
    ):
        run_id = ActionPipeline([Node("trials/echo").inputs(text="x")]).submit({}, executor)
        shown = list(client.stream_progress(run_id))

    assert [(one.name, one.status.value) for one in shown[-1].progress] == [("echo", "succeeded")]

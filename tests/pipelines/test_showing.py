"""A service of another home shows what an executor runs here: all of it, and as it goes."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from synapse_core import ProcessPipelineExecutor
from synapse_core.clients.sync_service import PipelineServiceClient
from synapse_core.errors import (
    PipelineError,
    RunCancelledError,
    StorageError,
    StoreUnavailableError,
    UnauthorizedError,
)
from synapse_core.executors.ray import RayPipelineExecutor
from synapse_core.model.event import EventKind
from synapse_core.model.run import Run, RunFilter, RunStatus
from synapse_core.operations.pipelines.showing import Showing
from synapse_core.pipelines import ActionPipeline, Node, item, params
from synapse_core.pipelines.mirror_process import Showcase, is_shown, keep_showing, show_at
from synapse_core.testing.service import READ_TOKEN, RUN_TOKEN, serving
from synapse_core.workspace import Workspace, open_workspace

PATIENCE_S = 50.0


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A service with a home of its own, and without plugins."""
    with open_workspace(tmp_path / "far", ()) as far, serving(far) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[PipelineServiceClient]:
    with PipelineServiceClient(url, RUN_TOKEN) as opened:
        yield opened


@pytest.fixture
def executor(workspace: Workspace, plugin: Path, url: str) -> Iterator[ProcessPipelineExecutor]:
    home = workspace.home.root
    with ProcessPipelineExecutor(
        home, [plugin.parent], service_url=url, service_token=RUN_TOKEN
    ) as opened:
        yield opened


def squares() -> ActionPipeline:
    split = Node("works/split").inputs(count=params.count)
    square = Node("works/square").map(over=split.numbers).inputs(number=item)
    inner = ActionPipeline([Node("works/write", "write").inputs(text="x")], name="inner")
    return ActionPipeline([split, square, Node(inner, "inside").after(square)], name="squares")


def waiting() -> ActionPipeline:
    return ActionPipeline([Node("works/split").inputs(count=1), Node("works/wait")], name="waiting")


def all_shown(client: PipelineServiceClient, run_id: str) -> dict[str, Run]:
    """Return the runs of a pipeline run at the service, by node, with those within a node."""
    found: dict[str, Run] = {}
    for node in client.list_node_runs(run_id):
        found[node.node] = client.get_run(node.id)
        inner = all_shown(client, node.id) if node.kind == "pipeline" else {}
        found |= {f"{node.node}/{name}": one for name, one in inner.items()}
    return found


def wait_for(client: PipelineServiceClient, run_id: str, node: str) -> None:
    for progress in client.stream_progress(run_id):
        if any(one.name == node and one.status == "running" for one in progress.progress):
            return
    raise AssertionError(f"{node} did not run")


def test_all_of_a_run_is_shown_with_logs_results_and_files(
    workspace: Workspace, executor: ProcessPipelineExecutor, client: PipelineServiceClient
) -> None:
    run_id = squares().submit({"count": 3}, executor)
    seen = list(client.stream_progress(run_id))
    ended = client.wait_run(run_id)

    assert executor.wait(run_id, PATIENCE_S) == ended.result
    assert [one.name for one in seen[-1].progress] == ["split", "square", "inside"]
    assert [one.status for one in seen[-1].progress] == ["succeeded"] * 3
    shown = all_shown(client, run_id)
    assert set(shown) == {"split", *(f"square[{n}]" for n in range(3)), "inside", "inside/write"}
    for run in (client.get_run(run_id), *shown.values()):
        here = workspace.runs.get(run.id)
        assert (run.status, run.result, run.params) == (here.status, here.result, here.params)
        events = client.read_events(run.id).items
        assert events == workspace.journals.read(run.id).items
    lines, _ = client.read_logs(shown["split"].id)
    assert any("splitting 3" in line for line in lines)


def test_failures_and_resumed_runs_are_shown(
    tmp_path: Path, executor: ProcessPipelineExecutor, client: PipelineServiceClient
) -> None:
    flag = tmp_path / "flag"
    split = Node("works/split").inputs(count=1)
    failing = ActionPipeline([split, Node("works/fail").inputs(flag=str(flag)).after(split)])
    first = failing.submit({}, executor)
    with pytest.raises(PipelineError):
        failing.wait(first, executor, PATIENCE_S)
    assert client.wait_run(first).failure is not None
    assert all_shown(client, first)["fail"].status is RunStatus.FAILED
    flag.touch()

    second = failing.submit({}, executor, resume_from=first)

    assert client.wait_run(second).status is RunStatus.SUCCEEDED
    shown = {name: one.status.value for name, one in all_shown(client, second).items()}
    assert shown == {"split": "skipped", "fail": "succeeded"}


def test_who_cancels_there_cancels_here(
    executor: ProcessPipelineExecutor, client: PipelineServiceClient
) -> None:
    pipeline = waiting()
    run_id = pipeline.submit({}, executor)
    wait_for(client, run_id, "wait")

    client.cancel_run(run_id)

    with pytest.raises(RunCancelledError):
        pipeline.wait(run_id, executor, PATIENCE_S)
    assert client.wait_run(run_id).status is RunStatus.CANCELLED


def test_a_mirror_that_was_killed_is_started_again(
    workspace: Workspace, executor: ProcessPipelineExecutor, client: PipelineServiceClient
) -> None:
    pipeline = waiting()
    run_id = pipeline.submit({}, executor)
    wait_for(client, run_id, "wait")
    (mirror,) = [one for one in psutil.process_iter(["cmdline"]) if is_mirror(one, run_id)]
    mirror.kill()
    mirror.wait(PATIENCE_S)
    assert is_shown(workspace.home, run_id)

    executor.cancel(run_id)
    with pytest.raises(RunCancelledError):
        pipeline.wait(run_id, executor, PATIENCE_S)

    assert client.wait_run(run_id).status is RunStatus.CANCELLED
    events = client.read_events(run_id).items
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].kind is EventKind.STATUS
    wait_until_let_go(workspace, run_id)


def wait_until_let_go(workspace: Workspace, run_id: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while is_shown(workspace.home, run_id):
        assert time.monotonic() < until
        workspace.journals.wait(run_id, None, timeout_s=0.05)


def is_mirror(process: psutil.Process, run_id: str) -> bool:
    words: list[str] = process.info["cmdline"] or []
    return run_id in words and any(word.endswith("mirror_process") for word in words)


def test_a_service_of_the_same_home_has_them_anyway(workspace: Workspace, plugin: Path) -> None:
    with (
        serving(workspace) as url,
        RayPipelineExecutor(
            working_dir=plugin.parent,
            home=workspace.home.root,
            pipeline_service_url=url,
            pipeline_service_token=RUN_TOKEN,
        ) as executor,
    ):
        executor._executor = "process"  # pyright: ignore[reportPrivateUsage] - no Ray is installed here
        run_id = ActionPipeline([Node("works/split").inputs(count=2)]).submit({}, executor)
        assert not is_shown(workspace.home, run_id)
        with PipelineServiceClient(url, RUN_TOKEN) as client:
            assert client.wait_run(run_id).status is RunStatus.SUCCEEDED


def test_a_service_that_is_not_there_is_told_before_anything_begins(
    workspace: Workspace, plugin: Path
) -> None:
    home = workspace.home.root
    with (
        ProcessPipelineExecutor(
            home, [plugin.parent], service_url="http://127.0.0.1:9"
        ) as executor,
        pytest.raises(StoreUnavailableError),
    ):
        squares().submit({"count": 1}, executor)
    assert not workspace.runs.list(RunFilter()).items


def test_a_token_that_may_only_read_is_told_before_anything_begins(
    workspace: Workspace, plugin: Path, url: str
) -> None:
    home = workspace.home.root
    with (
        ProcessPipelineExecutor(
            home, [plugin.parent], service_url=url, service_token=READ_TOKEN
        ) as executor,
        pytest.raises(UnauthorizedError, match="scope read"),
    ):
        squares().submit({"count": 1}, executor)
    assert not workspace.runs.list(RunFilter()).items


def test_a_token_is_kept_no_longer_than_it_can_open_anything(
    workspace: Workspace, plugin: Path, url: str
) -> None:
    with ProcessPipelineExecutor(workspace.home.root, [plugin.parent]) as executor:
        run_id = squares().submit({"count": 1}, executor)
    show_at(workspace.home, run_id, Showcase(url, "taken back" * 2))

    keep_showing(workspace.home, run_id)

    wait_until_let_go(workspace, run_id)


def test_what_keeps_a_run_from_starting_is_told_as_it_is_and_leaves_no_token(
    workspace: Workspace, executor: ProcessPipelineExecutor, url: str
) -> None:
    run = workspace.runs.get(squares().submit({"count": 1}, executor))
    wait_until_let_go(workspace, run.id)

    with (
        pytest.raises(StorageError, match="no room"),
        Showing(workspace.home, url, RUN_TOKEN).of(run),
    ):
        raise StorageError("There is no room.")

    assert not is_shown(workspace.home, run.id)

"""A cluster that asks for no token is reached by every door, and so are its jobs."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.executors.ray import JobStatus, RayJobExecutor
from synapse_core.model.run import RunStatus
from synapse_core.operations.clusters.verbs import cluster_status, stop_cluster
from synapse_core.workspace import Workspace, open_workspace
from tests.ray.counting import make_counting_plugin
from tests.ray.looking import end, start
from tests.ray.several import Several
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def unlocked() -> Iterator[Several]:
    cluster = Several(token="")
    try:
        cluster.build(nodes=1)
        yield cluster
    finally:
        cluster.tear_down()


@pytest.fixture(scope="module")
def plugin(unlocked: Several) -> Path:
    return make_counting_plugin(unlocked.root / "plugins" / "chaos")


@pytest.fixture
def workspace(unlocked: Several, plugin: Path) -> Iterator[Workspace]:
    home = unlocked.root / "home"
    home.mkdir(exist_ok=True)
    (home / "config.yaml").write_text(unlocked.config(), encoding="utf-8")
    with open_workspace(home, [plugin.parent]) as opened:
        yield opened


def place_one(workspace: Workspace, plugin: Path, on: str) -> None:
    """Have a run end well, and leave no connection to the cluster."""
    done = end(workspace, start(workspace, plugin, "count", on, pause=0.0))

    assert (done.status, done.failure) == (RunStatus.SUCCEEDED, None)
    if not on.startswith("job"):
        where = on.partition("@")[2] or on
        assert cluster_status(workspace.home, os.environ, where).is_up
        stop_cluster(workspace.home, os.environ, where, force=True)


@pytest.mark.parametrize("said", ["lab", "client", "job@lab"])
def test_a_run_is_placed(workspace: Workspace, plugin: Path, said: str) -> None:
    place_one(workspace, plugin, said)


@pytest.mark.parametrize("said", ["actor@{address}", "job@{dashboard}"])
def test_the_token_of_another_cluster_does_no_harm(
    workspace: Workspace,
    unlocked: Several,
    plugin: Path,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of-another-cluster")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")

    place_one(
        workspace, plugin, said.format(address=unlocked.address, dashboard=unlocked.dashboard)
    )


def test_a_script_finds_its_job(workspace: Workspace, unlocked: Several, plugin: Path) -> None:
    jobs = RayJobExecutor(unlocked.dashboard, plugin, home=workspace.home.root)

    job_id = jobs.submit("count", {"pause": 0.0})

    assert jobs.wait(job_id, PATIENCE_S) == "counted"
    assert jobs.get_status(job_id) is JobStatus.SUCCEEDED
    jobs.shutdown()

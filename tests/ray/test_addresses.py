"""Every way to say which cluster is meant, against one that somebody else has started."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.config.environments import ClusterEntry
from synapse_core.config.settings import load_settings
from synapse_core.executors.ray.choosing import find_cluster
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.model.run import RunStatus
from synapse_core.operations.clusters.verbs import cluster_status
from synapse_core.workspace import Workspace, open_workspace
from tests.ray.counting import make_counting_plugin
from tests.ray.far import free_port
from tests.ray.looking import end, start
from tests.ray.several import Several

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def plugin(several: Several) -> Path:
    return make_counting_plugin(several.root / "addressed" / "chaos")


@pytest.fixture
def workspace(
    several: Several, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """A workspace of a process that knows the cluster as Ray's own tools do."""
    monkeypatch.setenv("RAY_ADDRESS", several.address)
    monkeypatch.setenv("RAY_AUTH_TOKEN", several.token)
    home = several.root / "addressed" / "home"
    home.mkdir(exist_ok=True)
    (home / "config.yaml").write_text(several.config())
    with open_workspace(home, [plugin.parent]) as opened:
        yield opened


def disconnect(workspace: Workspace, on: str) -> None:
    """End the driver that a run of this executor has started."""
    where = on.partition("@")[2] or on
    clusters: dict[str, ClusterEntry] = {**load_settings(workspace.home.config_file).clusters}
    cluster = find_cluster(where, workspace.home, os.environ, clusters)
    DriverDoor(workspace.home, os.environ, cluster).stop(force=True)


@pytest.mark.parametrize(
    "said", ["client", "actor@{address}", "actor@auto", "job@{dashboard}"], ids=lambda said: said
)
def test_a_run_is_placed(workspace: Workspace, several: Several, plugin: Path, said: str) -> None:
    on = said.format(address=several.address, dashboard=several.dashboard)

    done = end(workspace, start(workspace, plugin, "count", on, pause=0.0))

    assert (done.status, done.failure) == (RunStatus.SUCCEEDED, None)
    if said == "client":
        view = cluster_status(workspace.home, os.environ, "client")
        assert (view.is_up, view.address) == (True, several.address)
        assert view.total["CPU"] == 4
    disconnect(workspace, on)


def test_a_wrong_token_is_told_apart_from_a_cluster_that_is_not_there(
    workspace: Workspace, several: Several, plugin: Path
) -> None:
    refused = end(workspace, start(workspace, plugin, "count", "closed"))
    missing = end(workspace, start(workspace, plugin, "count", f"actor@127.0.0.1:{free_port()}"))

    assert refused.failure is not None
    assert missing.failure is not None
    assert (refused.failure.code, missing.failure.code) == ("unauthorized", "worker_lost")
    assert f"{several.address} refuses the token" in refused.failure.message
    assert "Connection refused" in missing.failure.message

"""The cluster of this machine: how it is started, found, stopped, and what it keeps to itself."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from synapse_core.config.home import Home
from synapse_core.errors import ConflictError, UnauthorizedError
from synapse_core.executors.ray.cluster.places import Cluster
from synapse_core.executors.ray.cluster.record import DriverRecord
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.executors.ray.job.api import JobsApi
from synapse_core.model.run import RunStatus, WorkerId
from synapse_core.operations.clusters.verbs import cluster_status
from synapse_core.operations.runs import cancel_run
from synapse_core.workspace import Workspace, open_workspace
from tests.ray.looking import child_of, end, is_gone, processes_of, start
from tests.waiting import wait_until


def record_of(door: DriverDoor) -> DriverRecord:
    record = door.record()
    assert record is not None
    return record


def test_other_processes_find_it_and_it_is_private(door: DriverDoor) -> None:
    record = record_of(door)

    for path in (door.place.token, door.place.record, Path(record.socket)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(record.folder).parent.stat().st_mode) == 0o700
    assert record.dashboard_url.startswith("http://127.0.0.1:")
    assert DriverDoor(door.place.home, os.environ, Cluster()).record() == record


def test_nobody_gets_in_without_the_token(door: DriverDoor) -> None:
    url = record_of(door).dashboard_url

    with pytest.raises(UnauthorizedError, match="refuses the token"):
        JobsApi(url, "wrong").find("any")
    with pytest.raises(UnauthorizedError):
        JobsApi(url).submit("any", "true")
    assert JobsApi(url, door.token()).find("unknown") is None


def test_it_sends_nothing_home(door: DriverDoor) -> None:
    driver = WorkerId.parse(record_of(door).worker)
    variables = Path(f"/proc/{driver.pid}/environ").read_bytes().split(b"\0")

    assert b"RAY_USAGE_STATS_ENABLED=0" in variables
    assert b"RAY_AUTH_MODE=token" in variables


def test_starting_it_again_changes_nothing(door: DriverDoor) -> None:
    before = record_of(door)

    door.start()

    assert record_of(door) == before


def test_its_state_is_told(ray_home: Home, door: DriverDoor) -> None:
    door.up()

    view = cluster_status(ray_home, os.environ)

    assert view.is_up
    assert view.total["CPU"] == 2
    assert [node.is_alive for node in view.nodes] == [True]


def test_it_is_not_stopped_under_a_run(
    workspace: Workspace, plugin: Path, door: DriverDoor
) -> None:
    run = start(workspace, plugin, "wait")
    child_of(workspace, run)

    with pytest.raises(ConflictError, match="1 runs are active"):
        door.stop()

    cancel_run(workspace, run.id, force=True, wait_s=20)


def test_doors_never_import_ray(workspace: Workspace, plugin: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from synapse_core.operations.runs import StartRun, start_run, wait_run
from synapse_core.workspace import open_workspace
with open_workspace(Path(sys.argv[1]), [Path(sys.argv[2])]) as workspace:
    for on in ("actor", "job"):
        run = start_run(workspace, StartRun(plugin=sys.argv[2], action="echo", executor=on))
        assert wait_run(workspace, run.id, timeout_s=50).status == "succeeded"
assert not {"ray", "httpx", "aiohttp"} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(workspace.home.root), str(plugin)],
        check=False,
        capture_output=True,
        text=True,
        timeout=55,
    )

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.timeout(120)
def test_a_driver_that_is_killed_leaves_nothing_but_a_lost_run(
    ray_root: Path, plugin: Path
) -> None:
    """A cluster of its own: the one that all tests share must live."""
    with open_workspace(ray_root / "other", [plugin.parent]) as workspace:
        door = DriverDoor(workspace.home, os.environ, Cluster())
        run = start(workspace, plugin, "wait")  # starts the cluster, and waits for it there
        child = child_of(workspace, run)
        record = record_of(door)

        os.kill(WorkerId.parse(record.worker).pid, signal.SIGKILL)

        lost = end(workspace, run)
        assert lost.status is RunStatus.FAILED
        assert lost.failure is not None
        assert lost.failure.code == "worker_lost"
        wait_until(lambda: is_gone(child))
        wait_until(lambda: not processes_of(record.folder))
        assert not cluster_status(workspace.home, os.environ).is_up
        assert door.stop() is False
        assert not Path(record.folder).exists()


@pytest.mark.timeout(120)
def test_it_leaves_by_itself_when_idle(ray_root: Path, plugin: Path) -> None:
    with open_workspace(ray_root / "idle", [plugin.parent]) as workspace:
        door = DriverDoor(workspace.home, os.environ, Cluster())
        words = ["ray", "up", "--cpus", "1", "--resource", "fpga=2", "--idle", "1", "--json"]
        variables = {**os.environ, "SYNAPSE_HOME": str(workspace.home.root)}
        done = subprocess.run(
            [sys.executable, "-m", "synapse_mcp.cli", *words],
            env=variables,
            capture_output=True,
            timeout=100,
            check=True,
        )
        total = json.loads(done.stdout)["total"]
        assert (total["CPU"], total["fpga"]) == (1, 2)
        record = record_of(door)

        wait_until(lambda: door.record() is None)

        wait_until(lambda: not processes_of(record.folder))
        wait_until(lambda: not Path(record.folder).exists())

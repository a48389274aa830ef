"""Whoever ordered runs may be killed at any moment, and so may all who carry them out."""

import contextlib
import os
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from synapse_core.executors.zygote_door import ZygoteDoor
from synapse_core.model.event import EventKind
from synapse_core.model.run import Run, RunFilter, RunStatus
from synapse_core.operations.runs import StartRun, start_run, wait_run
from synapse_core.worker.orders import StopOrder, receive_line, send_line
from synapse_core.workspace import Workspace, open_workspace
from tests.waiting import wait_until
from tests.worker.plugins import PATIENCE_S, write_plugin

ROUNDS = 4

COUNT = """
with open(f"{ctx.env.get_str('HEARD')}-{ctx.job_id}", "a") as heard:
    for number in range(40):
        ctx.log("counted", {"number": number})
        heard.write(f"{number}\\n")
        heard.flush()
        time.sleep(0.002)
return "counted"
"""

DOOR = """
import sys
from pathlib import Path
from synapse_core.operations.runs import StartRun, start_run, wait_run
from synapse_core.workspace import open_workspace

root = Path(sys.argv[1])
with open_workspace(root / "home", [root / "plugins"]) as workspace:
    for _ in range(3):
        request = StartRun(plugin="odd", action="run", env={"HEARD": str(root / "heard")})
        run = start_run(workspace, request)
        print(run.id, flush=True)
    wait_run(workspace, run.id, timeout_s=60)
"""


@pytest.fixture
def root() -> Iterator[Path]:
    """Return a folder with a name short enough for sockets below it."""
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as name:
        yield Path(name)


def test_every_run_ends_whole_and_the_machine_is_idle_afterwards(root: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - which moment, not which secret
    environ = environment_of(root)
    write_plugin(root, COUNT)
    with open_workspace(root / "home", [root / "plugins"], environ=environ) as workspace:
        for _ in range(ROUNDS):
            door = start_door(root, environ)
            for _ in range(chance.randint(0, 3)):
                read_line(door)
            kill_some(chance, root, door)
            for run in workspace.runs.list(RunFilter(), limit=100).items:
                assert_ends_whole(workspace, run, root)
            door.kill()
            door.communicate()
        stop_zygotes(root)

    assert [one.cmdline() for one in processes_of(root)] == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the sockets that Linux lists")
def test_a_plugin_is_described_though_the_zygote_is_killed_over_the_order(root: Path) -> None:
    environ = environment_of(root)
    write_plugin(root, "return 1")
    door = ZygoteDoor(environ)
    with (
        open_workspace(root / "home", [root / "plugins"], environ=environ) as workspace,
        ThreadPoolExecutor(1) as others,
    ):
        with door.connect(timeout_s=PATIENCE_S):  # which starts it
            (zygote,) = processes_of(root)
        wait_until(lambda: count_sockets(door.socket_path()) == 1)
        zygote.suspend()
        request = StartRun(plugin="odd", action="run", dry_run=True)
        asking = others.submit(start_run, workspace, request)
        wait_until(lambda: count_sockets(door.socket_path()) > 1)  # the order is on its way
        zygote.kill()

        assert asking.result(PATIENCE_S).action == "run"
        stop_zygotes(root)


def environment_of(root: Path) -> dict[str, str]:
    """Return an environment whose zygotes lie below the folder."""
    (root / "sockets").mkdir(mode=0o700)
    return {**os.environ, "XDG_RUNTIME_DIR": str(root / "sockets")}


def count_sockets(path: Path) -> int:
    """Return how many sockets there are of that name: of who listens, and of who was connected."""
    return Path("/proc/net/unix").read_text(encoding="utf-8").count(str(path))


def start_door(root: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", DOOR, str(root)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ)


def read_line(door: subprocess.Popen[bytes]) -> None:
    """Wait until the door has started one more run, or has gone."""
    assert door.stdout is not None
    door.stdout.readline()


def kill_some(chance: random.Random, root: Path, door: subprocess.Popen[bytes]) -> None:
    """Kill one of all the processes that have to do with it, and mostly the door."""
    found = processes_of(root)
    if found:
        with contextlib.suppress(psutil.NoSuchProcess):
            chance.choice(found).kill()
    if chance.random() < 0.7:
        door.kill()


def processes_of(root: Path) -> list[psutil.Process]:
    """Return the processes that were started for this test, but this one."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = " ".join(process.cmdline())
            if str(root) in words and process.pid != os.getpid():
                found.append(process)
    return found


def assert_ends_whole(workspace: Workspace, run: Run, root: Path) -> None:
    ended = wait_run(workspace, run.id, timeout_s=PATIENCE_S)
    events = workspace.journals.read(run.id, limit=10_000).items
    statuses = [one for one in events if one.kind is EventKind.STATUS]
    said = [one.data["fields"] for one in events if one.data.get("event") == "counted"]
    heard = root / f"heard-{run.id}"
    acknowledged = heard.read_text().splitlines() if heard.exists() else []

    assert ended.status in {RunStatus.SUCCEEDED, RunStatus.FAILED}, ended
    assert [one.seq for one in events] == list(range(1, len(events) + 1))
    assert events[-1].data["status"] == ended.status
    assert sum(RunStatus(str(one.data["status"])).is_terminal for one in statuses) == 1
    assert said == [{"number": number} for number in range(len(said))]
    assert len(acknowledged) <= len(said) <= len(acknowledged) + 1
    if ended.status is RunStatus.SUCCEEDED:
        assert (ended.result, len(said)) == ("counted", 40)


def stop_zygotes(root: Path) -> None:
    """Tell every zygote to leave, and wait until it has."""
    for path in root.glob("sockets/**/*.sock"):
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(path))
            except ConnectionRefusedError:  # it was killed, and its socket is what is left of it
                path.unlink()
                continue
            send_line(connection, StopOrder())
            receive_line(connection, 100)
    psutil.wait_procs(processes_of(root), timeout=PATIENCE_S)
    assert list(root.glob("sockets/**/*.sock")) == []

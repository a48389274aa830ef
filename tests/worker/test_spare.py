"""One fork stands ready while runs are ordered one after the other, and nothing else is new."""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from synapse_core.executors.zygote_door import ZygoteDoor
from synapse_core.model.run import Run, RunStatus, WorkerId
from synapse_core.operations.runs import StartRun, start_run, wait_run
from synapse_core.worker.orders import RunOrder, StopOrder, receive_line, send_line
from synapse_core.workspace import Workspace, open_workspace
from tests.worker.plugins import PATIENCE_S, write_plugin

TELL = """
if ctx.env.get("WAIT"):
    while True:
        ctx.sleep(0.05)
if ctx.env.get("STUMBLE") and not os.path.exists("stumbled"):
    open("stumbled", "w").close()
    raise OSError("once")
if ctx.env.get("LIST"):
    held = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return {
        "supervisor": os.getppid(),
        "held": [os.readlink(one) for one in held if os.path.islink(one)],
    }
return {
    "supervisor": os.getppid(),
    "process": os.getpid(),
    "greeting": ctx.env.get("GREETING", "")[:5],
    "size": len(ctx.env.get("GREETING", "")),
}
"""


@dataclass
class Machine:
    """A workspace with a zygote of its own."""

    workspace: Workspace
    door: ZygoteDoor
    zygote: psutil.Process

    def run(self, *, retries: int = 0, **env: str) -> Run:
        """Execute the action once, and wait until its supervisor has left, too."""
        request = StartRun(plugin="odd", action="run", env=env, retries=retries)
        run = start_run(self.workspace, request)
        ended = wait_run(self.workspace, run.id, timeout_s=PATIENCE_S)
        assert ended.status is RunStatus.SUCCEEDED
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.wait_procs([psutil.Process(supervisor_of(ended))], timeout=PATIENCE_S)
        return ended

    def spare(self) -> psutil.Process:
        """Return the process that waits, once it is the only one that the zygote has forked."""
        until = time.monotonic() + PATIENCE_S
        while True:
            assert time.monotonic() < until
            with contextlib.suppress(psutil.NoSuchProcess):
                forks = self.zygote.children()
                if len(forks) == 1:
                    return forks[0]
                psutil.wait_procs(forks, timeout=0.02)

    def pair(self) -> tuple[psutil.Process, psutil.Process]:
        """Return the process that waits, and the one that it has forked to execute the action."""
        until = time.monotonic() + PATIENCE_S
        while True:
            spare = self.spare()
            forks = spare.children()
            if forks:
                return spare, forks[0]
            assert time.monotonic() < until


def number_in(run: Run, name: str) -> int:
    assert isinstance(run.result, dict)
    number = run.result[name]
    assert isinstance(number, int)
    return number


def supervisor_of(run: Run) -> int:
    return number_in(run, "supervisor")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    write_plugin(tmp_path, TELL)
    home, roots = tmp_path / "home", [tmp_path / "plugins"]
    with tempfile.TemporaryDirectory() as sockets:  # below `tmp_path` the name may get too long
        environ = {**os.environ, "XDG_RUNTIME_DIR": sockets}
        door = ZygoteDoor(environ)
        with open_workspace(home, roots, environ=environ) as opened:
            with door.connect(timeout_s=PATIENCE_S):  # which starts it
                zygote = _zygote_behind(door.socket_path())
            yield Machine(opened, door, zygote)
            with door.connect(timeout_s=PATIENCE_S) as connection:
                send_line(connection, StopOrder())
                receive_line(connection, 100)


def _zygote_behind(path: Path) -> psutil.Process:
    """Return the process that listens at a socket."""
    named = [one for one in psutil.process_iter() if str(path) in _words(one)]
    forks = {one.pid for one in named}
    return next(one for one in named if one.ppid() not in forks)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_the_run_after_the_next_is_owned_by_a_process_that_was_there_before(
    machine: Machine,
) -> None:
    machine.run()
    machine.run()
    spare, its_fork = machine.pair()

    third = machine.run(GREETING="hello")

    told = {"supervisor": spare.pid, "process": its_fork.pid, "greeting": "hello", "size": 5}
    assert third.result == told
    following = machine.spare()
    assert following.pid != spare.pid
    assert supervisor_of(machine.run()) == following.pid


def test_a_spare_process_that_was_killed_costs_no_run(machine: Machine) -> None:
    machine.run()
    machine.run()
    spare, its_fork = machine.pair()
    spare.kill()
    assert psutil.wait_procs([spare, its_fork], timeout=PATIENCE_S)[1] == []

    assert supervisor_of(machine.run()) != spare.pid


def test_one_whose_process_for_the_action_was_killed_forks_another(machine: Machine) -> None:
    machine.run()
    machine.run()
    spare, its_fork = machine.pair()
    its_fork.kill()
    until = time.monotonic() + PATIENCE_S
    while its_fork.is_running() and its_fork.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until

    run = machine.run()

    assert supervisor_of(run) == spare.pid
    assert number_in(run, "process") != its_fork.pid


def test_it_executes_one_attempt_and_the_next_is_another_process(machine: Machine) -> None:
    machine.run()
    machine.run()
    spare, its_fork = machine.pair()

    run = machine.run(retries=1, STUMBLE="1")

    assert run.attempt == 2
    assert supervisor_of(run) == spare.pid
    assert number_in(run, "process") != its_fork.pid


def test_it_is_told_more_than_fits_into_a_socket(machine: Machine) -> None:
    machine.run()
    machine.run()
    _, its_fork = machine.pair()

    run = machine.run(GREETING="hello" * 400_000)

    assert number_in(run, "process") == its_fork.pid
    assert number_in(run, "size") == 2_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_action_holds_nothing_that_the_zygote_waits_with(machine: Machine) -> None:
    for _ in range(3):  # the last of them in a process that was there before
        result = machine.run(LIST="1").result
        assert isinstance(result, dict)
        held = result["held"]
        assert isinstance(held, list)
        assert any("inotify" in str(one) for one in held)
        assert not [one for one in held if "eventpoll" in str(one)]


def test_it_leaves_with_the_zygote(machine: Machine) -> None:
    machine.run()
    machine.run()
    waiting = list(machine.pair())

    machine.zygote.kill()

    assert psutil.wait_procs(waiting, timeout=PATIENCE_S)[1] == []
    machine.run()  # by another zygote


def test_an_order_on_a_tether_reaches_it_with_the_tether(machine: Machine) -> None:
    machine.run()
    machine.run()
    spare = machine.spare()
    workspace = machine.workspace
    run = start_run(workspace, StartRun(plugin="odd", action="run", dry_run=True))
    workspace.runs.create(replace(run, env={"WAIT": "1"}))
    order = RunOrder(str(workspace.home.root), run.id, {}, is_tethered=True)
    with machine.door.connect(timeout_s=PATIENCE_S) as connection:
        send_line(connection, order)
        assert receive_line(connection, 100)
        workspace.journals.wait(run.id, None, timeout_s=PATIENCE_S)
        owner = workspace.runs.get(run.id).owner
        assert owner is not None
        assert WorkerId.parse(owner).pid == spare.pid

    assert psutil.wait_procs([spare], timeout=PATIENCE_S)[1] == []
    lost = wait_run(workspace, run.id, timeout_s=PATIENCE_S).failure
    assert lost is not None
    assert lost.code == "worker_lost"

"""Ways to look at runs on Ray, and at the processes behind them."""

import contextlib
import os
import signal
from pathlib import Path

import psutil

from synapse_core.model.event import Event
from synapse_core.model.run import Run, WorkerId
from synapse_core.operations.runs import StartRun, get_run, start_run, wait_run
from synapse_core.types import JSONValue
from synapse_core.workspace import Workspace
from tests.waiting import PATIENCE_S, wait_until


def start(
    workspace: Workspace,
    plugin: Path,
    action: str,
    on: str = "actor",
    *,
    retries: int | None = None,
    timeout_s: float | None = None,
    **params: JSONValue,
) -> Run:
    """Start a run of an action of the plugin."""
    return start_run(
        workspace,
        StartRun(
            plugin=str(plugin),
            action=action,
            params=params,
            executor=on,
            retries=retries,
            timeout_s=timeout_s,
        ),
    )


def end(workspace: Workspace, run: Run) -> Run:
    """Wait for the end of a run."""
    ended = wait_run(workspace, run.id, timeout_s=PATIENCE_S)
    assert ended.status.is_terminal, ended
    return ended


def events(workspace: Workspace, run_id: str) -> list[Event]:
    """Return all events of a run, whose numbers have no gap."""
    found = list(workspace.journals.read(run_id, limit=100_000).items)
    assert [event.seq for event in found] == list(range(1, len(found) + 1))
    return found


def messages(workspace: Workspace, run_id: str) -> list[str]:
    return [
        str(event.data["message"]) for event in events(workspace, run_id) if event.kind == "log"
    ]


def child_of(workspace: Workspace, run: Run) -> psutil.Process:
    """Return the process that the action `wait` has started, as soon as it says so."""
    wait_until(lambda: any("child" in text for text in messages(workspace, run.id)))
    said = next(text for text in messages(workspace, run.id) if "child" in text)
    return psutil.Process(int(said.split()[1]))


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def processes_behind(run: Run) -> list[psutil.Process]:
    """Return what a cluster executes for a run: launcher or job, worker, what that has started."""
    found = [
        process
        for process in psutil.process_iter(["cmdline"])
        if run.id in " ".join(process.info["cmdline"] or ())
    ]
    if run.owner:
        with contextlib.suppress(psutil.NoSuchProcess):
            worker = psutil.Process(WorkerId.parse(run.owner).pid)
            found += [worker, *worker.children(recursive=True)]
    return found


def launchers(run: Run) -> list[psutil.Process]:
    """Return the Ray processes that hold the run's worker."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [""])[0] == f"ray::synapse {run.id}"
    ]


def processes_of(folder: str) -> list[psutil.Process]:
    """Return the processes that have the folder in their command line."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(folder in word for word in process.info["cmdline"] or ())
    ]


def kill(process: psutil.Process) -> None:
    os.kill(process.pid, signal.SIGKILL)


def attempts(workspace: Workspace, run: Run) -> int:
    return get_run(workspace, run.id).attempt

"""Runs that are written instead of executed, for what only reads them."""

from collections.abc import Sequence

from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, Run, RunStatus, RunSummary
from synapse_core.runs.endings import terminal_status
from synapse_core.runs.ids import new_run_id
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.processes import this_worker
from synapse_core.types import JSONObject, JSONValue
from synapse_core.workspace import Workspace

__all__ = ["Said", "add_run", "end_run", "log", "say"]

Said = tuple[EventKind, JSONObject]


def log(message: str, level: str = "info") -> Said:
    """Return a log event."""
    return EventKind.LOG, {"level": level, "message": message, "source": "action"}


def add_run(
    workspace: Workspace,
    *said: Said,
    created_at: float = 1_767_225_600.0,
    plugin: str = "written",
    action: str = "run",
    params: JSONObject | None = None,
) -> Run:
    """Return a running run of this process that has said something."""
    run = Run(
        id=new_run_id(created_at),
        plugin=plugin,
        action=action,
        entrypoint="written:run",
        plugin_path="/nowhere",
        params=params or {},
        created_at=created_at,
    )
    workspace.runs.create(run)
    claimed = workspace.runs.claim(run.id, owner=str(this_worker()), lease_s=3600)
    assert claimed is not None
    workspace.home.run_dir(run.id).mkdir(parents=True)
    say(workspace, run, (EventKind.STATUS, {"status": "running", "attempt": 1}), *said)
    return claimed


def say(workspace: Workspace, run: Run, *said: Said) -> None:
    """Add events to the run's journal."""
    with JournalWriter.open(workspace.home.journal(run.id)) as writer:
        for kind, data in said:
            writer.emit(kind, data)


def end_run(
    workspace: Workspace,
    run: Run,
    status: RunStatus = RunStatus.SUCCEEDED,
    *,
    result: JSONValue = None,
    said: Sequence[Said] = (),
) -> Run:
    """End the run, after it has said something more."""
    outcome = Outcome(status, result=result)
    say(workspace, run, *said, (EventKind.STATUS, terminal_status(outcome, 1)))
    summary = workspace.journals.summarise(run.id, RunSummary())
    return workspace.runs.finish(run.id, outcome, owner=str(this_worker()), summary=summary)

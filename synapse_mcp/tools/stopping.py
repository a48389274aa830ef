"""Stopping runs."""

from functools import partial
from typing import Annotated

from pydantic import Field

from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.runs import cancel_run, find_run, get_run
from synapse_mcp.calls import Call, Consent
from synapse_mcp.results.base import Result, suggest
from synapse_mcp.tools.consent import declined, seek_consent
from synapse_mcp.tools.declaration import Arguments, Effect, RunReference, Tool
from synapse_mcp.tools.waiting import wait_for_end

__all__ = ["RUN_CANCEL", "CancelArguments", "CancelResult", "run_cancel"]

_CANCEL_WAIT_S = 10


class CancelArguments(Arguments):
    """Which run to stop."""

    run_id: RunReference
    force: Annotated[bool, Field(description="kill; asks")] = False
    confirm: Annotated[str | None, Field(description="as the refusal says")] = None


class CancelResult(Result):
    """What became of the run."""

    run_id: str
    status: str
    declined: bool | None = None
    message: str
    next: list[str] = Field(default_factory=list[str])


async def run_cancel(call: Call, arguments: CancelArguments) -> CancelResult:
    """Stop a run: asked first, then terminated, then killed with all its processes.

    Waits up to 10 s for its end. An ended run stays as it is.
    """
    run_id = await call.blocking(partial(find_run, call.workspace, arguments.run_id))
    run = await call.blocking(partial(get_run, call.workspace, run_id))
    if not run.status.is_terminal:
        consent = await _seek_consent(call, run, arguments)
        if consent is not Consent.YES:
            return CancelResult(
                run_id=run_id, status=run.status.value, declined=True, message=declined(consent)
            )
        cancel = partial(cancel_run, call.workspace, run_id, force=arguments.force)
        await call.blocking(cancel)
        run = await wait_for_end(call, run_id, wait_s=_CANCEL_WAIT_S)
    return CancelResult(
        run_id=run_id,
        status=run.status.value,
        message=_told(run, is_forced=arguments.force),
        next=[
            suggest("run_status", run_id=run_id),
            *([] if run.status.is_terminal else [suggest("run_cancel", run_id=run_id, force=True)]),
        ],
    )


async def _seek_consent(call: Call, run: Run, arguments: CancelArguments) -> Consent:
    """Ask before a run is killed, which leaves it no time to save what it has."""
    how = "Kill at once" if arguments.force else "Stop"
    return await seek_consent(
        call,
        f"{how} the run {run.id} ({run.plugin}/{run.action})?",
        is_reversible=not arguments.force,
        words=run.id,
        given=arguments.confirm,
    )


def _told(run: Run, *, is_forced: bool) -> str:
    if run.status is RunStatus.CANCELLED:
        return "It has stopped."
    if run.status.is_terminal:
        return f"It had already {run.status.value}; nothing was stopped."
    if is_forced:
        return "It is being killed."
    return "It was asked to stop and has not yet; it will be terminated, then killed."


RUN_CANCEL = Tool(
    run=run_cancel,
    arguments=CancelArguments,
    result=CancelResult,
    title="Stop a run",
    effect=Effect.DESTROYS,
    example={"run_id": "last"},
    search_hint="stop kill abort run",
)

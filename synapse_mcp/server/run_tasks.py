"""Runs as tasks.

A thin view and no more: the state of a task is read from the run store, and its handle can be told
from the run's id by this installation only. So tasks outlive the server, and nothing has to be kept
for them.
"""

import hashlib
import hmac
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import Path
from typing import Any

from mcp.types import CallToolResult

from synapse_core.config.secret_file import make_or_read_secret
from synapse_core.errors import RefusedError
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.runs import cancel_run, get_run
from synapse_core.workspace import Workspace
from synapse_mcp.calls import Call
from synapse_mcp.notify import describe_progress
from synapse_mcp.server.opening import Context, open_call
from synapse_mcp.server.task import Task, TaskStatus
from synapse_mcp.settings import ConfirmPolicy
from synapse_mcp.tools.toolbox import as_tool_result
from synapse_mcp.tools.watching import StatusArguments, run_status

__all__ = ["RunTasks"]

_SEAL_CHARS = 32
"""128 bits as hexadecimal digits."""

_STATUS: Mapping[RunStatus, TaskStatus] = {
    RunStatus.PENDING: TaskStatus.WORKING,
    RunStatus.RUNNING: TaskStatus.WORKING,
    RunStatus.SUCCEEDED: TaskStatus.COMPLETED,
    RunStatus.FAILED: TaskStatus.COMPLETED,
    RunStatus.SKIPPED: TaskStatus.COMPLETED,
    RunStatus.CANCELLED: TaskStatus.CANCELLED,
}
"""A run that failed is a tool that has answered."""


class RunTasks:
    """Each run is a task.

    Args:
        tools: Names of the tools that the server offers.
    """

    def __init__(self, tools: AbstractSet[str]) -> None:
        self._tools = tools

    async def of_result(self, call: Call, result: CallToolResult) -> Task | None:
        """Return the task that a tool's result tells of: a run that is still going on."""
        content: dict[str, Any] = result.structured_content or {}
        run_id = content.get("run_id")
        is_going_on = content.get("status") in {RunStatus.PENDING, RunStatus.RUNNING}
        if not isinstance(run_id, str) or not is_going_on:
            return None
        run = await call.blocking(partial(get_run, call.workspace, run_id))
        # The client has not heard of an end yet, and asks for the result next.
        handle = await call.blocking(partial(_handle, call.workspace, run_id))
        return _task(run, handle, status=TaskStatus.WORKING)

    async def find(self, context: Context, handle: str) -> Task | None:
        """Return the run's task as it is now; None when the handle is not one of ours."""
        call = await open_call(context, self._tools)
        run_id = handle.rpartition(".")[0]
        if not run_id:
            return None
        expected = await call.blocking(partial(_handle, call.workspace, run_id))
        if not hmac.compare_digest(expected.encode(), handle.encode()):
            return None
        run = await call.blocking(partial(get_run, call.workspace, run_id))
        status = _STATUS[run.status]
        if status is not TaskStatus.COMPLETED:
            return _task(run, handle, status=status)
        told = await run_status(call, StatusArguments(run_id=run.id))
        return _task(
            run,
            handle,
            status=status,
            result=as_tool_result(told.answer(self._tools, call.redactor)),
        )

    async def answer(self, context: Context, task: Task, answers: Mapping[str, Any]) -> None:
        """Do nothing: no run asks for anything."""

    async def cancel(self, context: Context, task: Task) -> None:
        """Cancel the run, as `run_cancel` does, and under the same rules.

        Raises:
            RefusedError: This server stops no runs, or only when a person says yes.
        """
        call = await open_call(context, self._tools)
        _check_may_cancel(call)
        run_id = task.handle.rpartition(".")[0]
        await call.blocking(partial(cancel_run, call.workspace, run_id))


def _check_may_cancel(call: Call) -> None:
    if "run_cancel" not in call.tools:
        raise RefusedError(
            "This server does not offer to stop runs, and so does not cancel their tasks.",
            hint="Tell the user, who can do it with the command `synapse run cancel`.",
        )
    if call.settings.confirm is ConfirmPolicy.ALWAYS:
        raise RefusedError(
            "This server wants a person's yes before a run is stopped, and tasks/cancel asks none.",
            hint="Call run_cancel, which asks.",
        )


def _handle(workspace: Workspace, run_id: str) -> str:
    """Return the run's id with a seal that only this installation can make."""
    key = make_or_read_secret(Path(workspace.home.root) / "task-key")
    seal = hmac.new(key.encode(), run_id.encode(), hashlib.sha256).hexdigest()
    return f"{run_id}.{seal[:_SEAL_CHARS]}"


def _task(
    run: Run, handle: str, *, status: TaskStatus, result: CallToolResult | None = None
) -> Task:
    latest = max((progress.time for progress in run.summary.progress.values()), default=0.0)
    return Task(
        handle=handle,
        status=status,
        message=describe_progress(run),
        created_at=run.created_at,
        updated_at=max(run.created_at, run.started_at or 0.0, latest, run.finished_at or 0.0),
        result=result,
    )

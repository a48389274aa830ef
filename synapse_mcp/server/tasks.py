"""The Tasks extension (SEP-2663): a run that goes on, as a task that a client may poll.

A thin view and no more: a task is a run, its state is read from the run store, and its handle can
be told from the run's id by this installation only. So tasks outlive the server, and nothing has to
be kept for them.
"""

import hashlib
import hmac
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import Path
from typing import Any

from mcp import MCPError
from mcp.server import Server
from mcp.types import (
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    RequestParams,
)

from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.runs import cancel_run, get_run
from synapse_core.workspace import Workspace
from synapse_mcp.calls import Call
from synapse_mcp.notify import describe_progress
from synapse_mcp.results.runs import utc
from synapse_mcp.server.host import Host
from synapse_mcp.server.opening import Context, open_call
from synapse_mcp.server.secret_file import make_or_read_secret
from synapse_mcp.tools.toolbox import as_tool_result
from synapse_mcp.tools.watching import StatusArguments, run_status

__all__ = ["TASKS", "TaskParams", "Tasks"]

TASKS = "io.modelcontextprotocol/tasks"

_TTL_MS = 7 * 24 * 3600 * 1000
"""How long a client may count on a task. Runs stay until somebody removes them."""

_POLL_MS = 1000
_HANDLE_CHARS = 32
"""128 bits as hexadecimal digits."""

_STATUS: Mapping[RunStatus, str] = {
    RunStatus.PENDING: "working",
    RunStatus.RUNNING: "working",
    RunStatus.SUCCEEDED: "completed",
    RunStatus.FAILED: "completed",
    RunStatus.SKIPPED: "completed",
    RunStatus.CANCELLED: "cancelled",
}
"""A run that failed is a tool that has answered; `failed` is for a broken protocol."""


class TaskParams(RequestParams):
    """Which task."""

    task_id: str


class Tasks:
    """Makes tasks of runs, and answers what clients ask about them.

    Args:
        tools: Names of the tools that the server offers.
    """

    def __init__(self, tools: AbstractSet[str]) -> None:
        self._tools = tools

    def add_to(self, server: Server[Host]) -> None:
        """Serve the methods of the extension, and say so to clients of protocol 2026-07-28."""
        server.add_request_handler("tasks/get", TaskParams, self._get)
        server.add_request_handler("tasks/update", TaskParams, self._update)
        server.add_request_handler("tasks/cancel", TaskParams, self._cancel)
        server.extensions[TASKS] = {}

    async def escalate(
        self, context: Context, call: Call, result: CallToolResult
    ) -> CallToolResult | dict[str, Any]:
        """Return a task instead of a result that tells of a run still going on.

        Clients that do not know tasks get the result, which names the run and how to follow it.
        """
        content: dict[str, Any] = result.structured_content or {}
        run_id = content.get("run_id")
        is_going_on = content.get("status") in {RunStatus.PENDING, RunStatus.RUNNING}
        if not isinstance(run_id, str) or not is_going_on or not _knows_tasks(context):
            return result
        run = await call.blocking(partial(get_run, call.workspace, run_id))
        handle = await call.blocking(partial(_handle, call.workspace, run_id))
        return {**_task(run, handle), "status": "working", "resultType": "task"}

    async def _get(self, context: Context, params: TaskParams) -> dict[str, Any]:
        call, run = await self._find(context, params)
        told = _task(run, params.task_id)
        if told["status"] == "completed":
            result = await run_status(call, StatusArguments(run_id=run.id))
            told["result"] = as_tool_result(result.answer(self._tools)).model_dump(
                by_alias=True, mode="json", exclude_none=True
            )
        return told

    async def _update(self, context: Context, params: TaskParams) -> dict[str, Any]:
        await self._find(context, params)  # no run ever asks for anything
        return {}

    async def _cancel(self, context: Context, params: TaskParams) -> dict[str, Any]:
        call, run = await self._find(context, params)
        await call.blocking(partial(cancel_run, call.workspace, run.id))
        return {}

    async def _find(self, context: Context, params: TaskParams) -> tuple[Call, Run]:
        if not _knows_tasks(context):
            raise MCPError(
                code=MISSING_REQUIRED_CLIENT_CAPABILITY,
                message=f"Tasks are for clients that declare the extension {TASKS}.",
                data={"requiredCapabilities": {"extensions": {TASKS: {}}}},
            )
        call = await open_call(context, self._tools)
        run_id = params.task_id.rpartition(".")[0]
        if run_id:
            expected = await call.blocking(partial(_handle, call.workspace, run_id))
            if hmac.compare_digest(expected.encode(), params.task_id.encode()):
                return call, await call.blocking(partial(get_run, call.workspace, run_id))
        raise MCPError(code=INVALID_PARAMS, message="There is no such task.")


def _knows_tasks(context: Context) -> bool:
    capabilities = context.session.client_capabilities
    return TASKS in ((capabilities.extensions if capabilities is not None else None) or {})


def _handle(workspace: Workspace, run_id: str) -> str:
    """Return the run's id with a seal that only this installation can make."""
    key = make_or_read_secret(Path(workspace.home.root) / "task-key")
    seal = hmac.new(key.encode(), run_id.encode(), hashlib.sha256).hexdigest()
    return f"{run_id}.{seal[:_HANDLE_CHARS]}"


def _task(run: Run, handle: str) -> dict[str, Any]:
    latest = max((progress.time for progress in run.summary.progress.values()), default=0.0)
    updated = max(run.created_at, run.started_at or 0.0, latest, run.finished_at or 0.0)
    return {
        "taskId": handle,
        "status": _STATUS[run.status],
        "statusMessage": describe_progress(run),
        "createdAt": utc(run.created_at),
        "lastUpdatedAt": utc(updated),
        "ttlMs": _TTL_MS,
        "pollIntervalMs": _POLL_MS,
    }

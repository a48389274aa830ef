"""The Tasks extension (SEP-2663): what goes on after a call, polled by clients that know tasks."""

from collections.abc import Sequence
from typing import Any

from mcp.server import Server
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp.types import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    RequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field

from synapse_core.errors import SynapseError
from synapse_mcp.errors import error_text
from synapse_mcp.server.host import Host
from synapse_mcp.server.opening import Context
from synapse_mcp.server.task import Task, TaskSource

__all__ = ["TASKS", "TaskAnswers", "TaskParams", "add_tasks", "knows_tasks", "require_tasks"]

TASKS = "io.modelcontextprotocol/tasks"


class TaskParams(RequestParams):
    """Which task."""

    task_id: str


class TaskAnswers(TaskParams):
    """Which task, and answers to its questions."""

    input_responses: dict[str, Any] = Field(default_factory=dict[str, Any])


def knows_tasks(context: Context) -> bool:
    """Whether the client declared, with this request, that it can deal with tasks.

    Before protocol 2026-07-28 a result that is a task cannot be sent, whatever a client declares.
    """
    if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return False
    capabilities = context.session.client_capabilities
    return TASKS in ((capabilities.extensions if capabilities is not None else None) or {})


def require_tasks(context: Context) -> None:
    """Refuse a client that cannot deal with tasks.

    Raises:
        MCPError: It did not declare the extension.
    """
    if not knows_tasks(context):
        raise MCPError(
            code=MISSING_REQUIRED_CLIENT_CAPABILITY,
            message=f"Tasks are for clients that declare the extension {TASKS}.",
            data={"requiredCapabilities": {"extensions": {TASKS: {}}}},
        )


def add_tasks(server: Server[Host], sources: Sequence[TaskSource]) -> None:
    """Serve the methods of the extension, and say so to clients of protocol 2026-07-28."""

    async def get(context: Context, params: TaskParams) -> dict[str, Any]:
        _, task = await _find(sources, context, params)
        return task.detail()

    async def update(context: Context, params: TaskAnswers) -> dict[str, Any]:
        source, task = await _find(sources, context, params)
        await source.answer(context, task, params.input_responses)
        return {}

    async def cancel(context: Context, params: TaskParams) -> dict[str, Any]:
        source, task = await _find(sources, context, params)
        try:
            await source.cancel(context, task)
        except SynapseError as error:
            raise MCPError(code=INVALID_PARAMS, message=error_text(error)) from error
        return {}

    server.add_request_handler("tasks/get", TaskParams, get)
    server.add_request_handler("tasks/update", TaskAnswers, update)
    server.add_request_handler("tasks/cancel", TaskParams, cancel)
    server.extensions[TASKS] = {}


async def _find(
    sources: Sequence[TaskSource], context: Context, params: TaskParams
) -> tuple[TaskSource, Task]:
    _check_header(context, params)
    require_tasks(context)
    try:
        for source in sources:
            task = await source.find(context, params.task_id)
            if task is not None:
                return source, task
    except SynapseError as error:
        raise MCPError(code=INVALID_PARAMS, message=error_text(error)) from error
    raise MCPError(code=INVALID_PARAMS, message="There is no such task.")


def _check_header(context: Context, params: TaskParams) -> None:
    """Refuse a request over HTTP whose header names another task than its body (SEP-2243).

    Whoever routes requests goes by the header; the SDK checks it for its own methods only.
    """
    if context.request is None or context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return
    if decode_header_value(context.request.headers.get(MCP_NAME_HEADER)) != params.task_id:
        raise MCPError(
            code=HEADER_MISMATCH, message="The header Mcp-Name does not name the task of the body."
        )

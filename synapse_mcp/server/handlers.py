"""Answers the requests of the protocol."""

from typing import Any

from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
)

from synapse_core.errors import SynapseError
from synapse_mcp.calls import QuestionPending
from synapse_mcp.errors import error_text
from synapse_mcp.prompts.library import PromptLibrary
from synapse_mcp.resources.completions import MAX_VALUES, complete
from synapse_mcp.resources.shelf import Shelf
from synapse_mcp.server.client import input_required
from synapse_mcp.server.opening import Context, open_call
from synapse_mcp.server.run_tasks import RunTasks
from synapse_mcp.server.tasks import knows_tasks
from synapse_mcp.tools.toolbox import Toolbox

__all__ = ["Handlers"]

_MAKE_TASKS = frozenset({"run_start"})
"""Tools whose unfinished runs become tasks; others look at a run and shall answer at once."""


class Handlers:
    """One method for each request of the protocol that this server serves.

    All lists fit on one page and never change while the server runs.
    """

    def __init__(
        self, toolbox: Toolbox, shelf: Shelf, prompts: PromptLibrary, tasks: RunTasks
    ) -> None:
        self._toolbox = toolbox
        self._shelf = shelf
        self._prompts = prompts
        self._tasks = tasks

    async def list_tools(
        self, _context: Context, _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        """Serve `tools/list`."""
        return ListToolsResult(tools=self._toolbox.definitions)

    async def call_tool(
        self, context: Context, params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult | dict[str, Any]:
        """Serve `tools/call`."""
        call = await open_call(context, self._toolbox.names, params)
        try:
            result = await self._toolbox.call(call, params.name, params.arguments or {})
        except QuestionPending as pending:
            return input_required(pending)
        if params.name not in _MAKE_TASKS or not knows_tasks(context):
            return result  # it names the run, and the calls that follow it
        task = await self._tasks.of_result(call, result)
        return result if task is None else task.created()

    async def list_resources(
        self, _context: Context, _params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        """Serve `resources/list`."""
        return ListResourcesResult(resources=self._shelf.resources)

    async def list_templates(
        self, _context: Context, _params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        """Serve `resources/templates/list`."""
        return ListResourceTemplatesResult(resource_templates=self._shelf.templates)

    async def read_resource(
        self, context: Context, params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        """Serve `resources/read`."""
        call = await open_call(context, self._toolbox.names, params)
        return await self._shelf.read(call, params.uri)

    async def list_prompts(
        self, _context: Context, _params: PaginatedRequestParams | None
    ) -> ListPromptsResult:
        """Serve `prompts/list`."""
        return ListPromptsResult(prompts=self._prompts.definitions)

    async def get_prompt(
        self, _context: Context, params: GetPromptRequestParams
    ) -> GetPromptResult:
        """Serve `prompts/get`."""
        try:
            return self._prompts.render(params.name, params.arguments or {})
        except SynapseError as error:
            raise _protocol_error(error) from error

    async def complete(self, context: Context, params: CompleteRequestParams) -> CompleteResult:
        """Serve `completion/complete`."""
        given = (params.context.arguments if params.context is not None else None) or {}
        name, value = params.argument.name, params.argument.value
        call = await open_call(context, self._toolbox.names)
        try:
            workspace = call.workspace
        except SynapseError:
            found: list[str] = []  # a person is still typing, and will be told later
        else:
            found = await call.blocking(lambda: complete(workspace, name, value, given))
        return CompleteResult(
            completion=Completion(
                values=found[:MAX_VALUES], total=len(found), has_more=len(found) > MAX_VALUES
            )
        )


def _protocol_error(error: SynapseError) -> MCPError:
    return MCPError(code=INVALID_PARAMS, message=error_text(error), data={"code": error.code})

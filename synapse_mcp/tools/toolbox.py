"""The tools of one server: which are offered, and how one is called."""

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent
from mcp.types import Tool as ToolDefinition
from pydantic import ValidationError

from synapse_core.errors import SynapseError, nearest
from synapse_core.logs.secret_values import secrets_in
from synapse_mcp.calls import Call, QuestionPending
from synapse_mcp.errors import (
    ToolNotFoundError,
    arguments_error,
    clip,
    error_text,
    internal_error_text,
)
from synapse_mcp.results.base import Answer
from synapse_mcp.settings import Settings
from synapse_mcp.tools.declaration import Arguments, Effect, Tool
from synapse_mcp.tools.examples import example_call

__all__ = ["Toolbox", "as_tool_result"]

_LOGGER = logging.getLogger(__name__)

_MAX_NAME = 100


class Toolbox:
    """The tools that the settings of a server offer."""

    def __init__(self, tools: Sequence[Tool[Any]], settings: Settings) -> None:
        self._tools = {tool.name: tool for tool in tools if _is_offered(tool, settings)}

    @cached_property
    def definitions(self) -> list[ToolDefinition]:
        """What `tools/list` tells. Made when it is asked for: a call need not wait for it."""
        return [tool.definition() for tool in self._tools.values()]

    @property
    def names(self) -> frozenset[str]:
        """Names of the tools offered."""
        return frozenset(self._tools)

    async def call(self, call: Call, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """Call a tool and return its result, or an error as text that helps to call it right.

        Raises:
            MCPError: The client broke the protocol.
            QuestionPending: The client must put a question to its user first.
        """
        tool = self._tools.get(name)
        if tool is None:
            return _failed(call.redactor.source(error_text(self._unknown(name), tools=self.names)))
        try:
            result = await tool.perform(call, _parse(tool, arguments))
            answer = result.answer(self.names, call.redactor)
        except SynapseError as error:
            example = example_call(tool, arguments, error)
            text = error_text(error, example=example, tools=self.names)
            given = secrets_in(dict(arguments))  # an error shows what a call got wrong
            return _failed(call.redactor.knowing(given).source(text))
        except (MCPError, QuestionPending):
            raise
        except Exception:
            _LOGGER.exception("The tool %s failed", name)
            return _failed(internal_error_text(name))
        return as_tool_result(answer)

    def _unknown(self, name: str) -> ToolNotFoundError:
        return ToolNotFoundError(
            f"This server offers no tool {clip(name, _MAX_NAME)!r}.",
            hint=f"{nearest(name, self._tools)} Tools: {', '.join(self._tools)}.".strip(),
        )


def as_tool_result(answer: Answer) -> CallToolResult:
    """Return the answer in both forms of the protocol."""
    return CallToolResult(
        content=[TextContent(type="text", text=answer.text)], structured_content=answer.content
    )


def _is_offered(tool: Tool[Any], settings: Settings) -> bool:
    if settings.read_only and tool.effect is not Effect.READS:
        return False
    return settings.offers(tool.name)


def _parse(tool: Tool[Any], arguments: Mapping[str, Any]) -> Arguments:
    try:
        return tool.arguments.model_validate(arguments)
    except ValidationError as error:
        names = tool.arguments.model_fields
        raise arguments_error(tool.name, error, names, tool.example) from None


def _failed(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)

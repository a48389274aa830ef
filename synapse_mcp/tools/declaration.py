"""How a tool is declared."""

import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Annotated, Any, Generic, TypeVar

from mcp.types import Tool as ToolDefinition
from mcp.types import ToolAnnotations
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from synapse_core.types import JSONObject
from synapse_mcp.calls import Call
from synapse_mcp.results.base import Result
from synapse_mcp.results.schemas import input_schema, output_schema

__all__ = ["Arguments", "Effect", "JsonText", "NoArguments", "RunReference", "Tool"]


class Arguments(BaseModel):
    """Base of a tool's arguments; an unknown one is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _parse_json_text(value: object) -> object:
    """Return what the text says if it is JSON; the type of the field decides whether it fits."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


JsonText = BeforeValidator(_parse_json_text)
"""For objects and lists: models often send them as JSON inside a string."""


RunReference = Annotated[str, Field(max_length=200, description="id, a part of it, or last")]
"""What `find_run` understands."""


class NoArguments(Arguments):
    """For tools that take none."""


class Effect(Enum):
    """What a tool does to the world."""

    READS = "reads"
    """Changes nothing."""
    ADDS = "adds"
    """Makes something new, and once more when it is called again."""
    DESTROYS = "destroys"
    """Stops or removes something; doing it again does no more."""

    def hints(self) -> ToolAnnotations:
        """Return the hints of the protocol; no tool reaches beyond this installation."""
        if self is Effect.READS:
            return ToolAnnotations(read_only_hint=True, open_world_hint=False)
        if self is Effect.ADDS:
            return ToolAnnotations(destructive_hint=False, open_world_hint=False)
        return ToolAnnotations(destructive_hint=True, idempotent_hint=True, open_world_hint=False)


ArgumentsT = TypeVar("ArgumentsT", bound=Arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Generic[ArgumentsT]):
    """A tool: a function of a call and its arguments, and what clients are told about it.

    The function's name is the tool's, its docstring the description a model reads. An `async`
    function runs on the event loop and must not block; a plain one runs in a thread.

    Attributes:
        run: The function.
        arguments: Model of its arguments.
        result: Model of its result.
        title: Name for people.
        effect: What it does to the world.
        example: Arguments that work, shown when a call gets them wrong.
        is_preloaded: Whether clients that load tools on demand should load this one at once.
        search_hint: Words by which such clients find it.
    """

    run: Callable[[Call, ArgumentsT], Awaitable[Result]] | Callable[[Call, ArgumentsT], Result]
    arguments: type[ArgumentsT]
    result: type[Result]
    title: str
    effect: Effect
    example: JSONObject = field(default_factory=dict[str, Any])
    is_preloaded: bool = False
    search_hint: str = ""

    @property
    def name(self) -> str:
        """The name clients call it by."""
        return self.run.__name__

    async def perform(self, call: Call, arguments: ArgumentsT) -> Result:
        """Run the function where it belongs: on the event loop, or in a thread."""
        if inspect.iscoroutinefunction(self.run):
            outcome = self.run(call, arguments)
        else:
            outcome = await call.blocking(partial(self.run, call, arguments))
        return await outcome if inspect.isawaitable(outcome) else outcome

    def definition(self) -> ToolDefinition:
        """Return what `tools/list` tells about it."""
        meta: dict[str, Any] = {}
        if self.is_preloaded:
            meta["anthropic/alwaysLoad"] = True
        if self.search_hint:
            meta["anthropic/searchHint"] = self.search_hint
        return ToolDefinition(
            name=self.name,
            title=self.title,
            description=inspect.getdoc(self.run),
            input_schema=input_schema(self.arguments),
            output_schema=output_schema(self.result),
            annotations=self.effect.hints(),
            _meta=meta or None,
        )

"""Actions that are functions."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar, overload

from pydantic import BaseModel

from synapse_core.actions.definition import (
    DEFINITION_ATTRIBUTE,
    ensure_category,
    ensure_data_type,
    ensure_model,
    first_paragraph,
)
from synapse_core.actions.signature import Signature
from synapse_core.errors import ActionDefinitionError
from synapse_core.model.plugin import PluginCategory
from synapse_core.runtime.context import RuntimeContext
from synapse_core.types import DataType

__all__ = ["action"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def action(name: F, /) -> F: ...


@overload
def action(
    name: str | None = None,
    description: str | None = None,
    params: type[BaseModel] | None = None,
    result: type[BaseModel] | None = None,
    category: PluginCategory | str | None = None,
    *,
    input_type: type[DataType] | None = None,
    output_type: type[DataType] | None = None,
) -> Callable[[F], F]: ...


def action(
    name: Callable[..., Any] | str | None = None,
    description: str | None = None,
    params: type[BaseModel] | None = None,
    result: type[BaseModel] | None = None,
    category: PluginCategory | str | None = None,
    *,
    input_type: type[DataType] | None = None,
    output_type: type[DataType] | None = None,
) -> Callable[..., Any]:
    """Make a function an action; it stays callable as it was, and may be `async`.

    The function takes `(params, context)` with a model of the params, or simply the params
    themselves, each with a type and perhaps a default. The context is the parameter annotated with
    `RuntimeContext`, or named `context` or `ctx`; it may stand anywhere or be left out.

    Also usable without brackets.

    Args:
        name: Its name; else that of the function.
        description: What it does; else the first paragraph of the docstring.
        params: The model of the params; else they are read from the signature.
        result: What the result must be; a result that is not fails the run.
        category: What it is for; else what the plugin is for.
        input_type: What it consumes.
        output_type: What it produces.

    Raises:
        ActionDefinitionError: The function cannot be an action; says which parameter is wrong.
    """

    def decorate(function: F) -> F:
        definition = _FunctionDefinition(
            function,
            name=name if isinstance(name, str) else None,
            description=description,
            params=params,
            result=result,
            category=category,
            input_type=input_type,
            output_type=output_type,
        )
        setattr(function, DEFINITION_ATTRIBUTE, definition)
        return function

    return decorate(name) if callable(name) else decorate


class _FunctionDefinition:
    """What a function with `@action` says of itself; implements `ActionDefinition`."""

    kind: Literal["function"] = "function"

    def __init__(
        self,
        target: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        params: type[BaseModel] | None = None,
        result: type[BaseModel] | None = None,
        category: PluginCategory | str | None = None,
        input_type: type[DataType] | None = None,
        output_type: type[DataType] | None = None,
    ) -> None:
        if isinstance(target, type):
            raise ActionDefinitionError(
                f"@action stands above the class {target.__qualname__}.",
                hint="Derive the class from BaseAction[YourParams] instead.",
            )
        if not hasattr(target, "__qualname__"):
            raise ActionDefinitionError(
                f"@action was given a value of type {type(target).__name__}, which has no name.",
                hint="Decorate a function made with `def`.",
            )
        owner = target.__qualname__
        self.target = target
        self.name = name or target.__name__
        self.description = (
            description if description is not None else first_paragraph(target.__doc__)
        )
        self.category = ensure_category(category, owner)
        self.input_type = ensure_data_type(input_type, owner, "input")
        self.output_type = ensure_data_type(output_type, owner, "output")
        self.result_model = ensure_model(result, owner, "result") if result is not None else None
        model = ensure_model(params, owner, "params") if params is not None else None
        self._signature = Signature(target, model)

    @property
    def params_model(self) -> type[BaseModel]:
        return self._signature.params_model

    def check(self) -> None:
        _ = self.params_model

    def execute(self, params: BaseModel, context: RuntimeContext) -> object:
        return self._signature.call(params, context)

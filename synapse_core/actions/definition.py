"""What a class or function says of itself as an action."""

import inspect
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias

from pydantic import BaseModel

from synapse_core.errors import ActionDefinitionError
from synapse_core.model.plugin import PluginCategory
from synapse_core.runtime.context import RuntimeContext
from synapse_core.types import DataType

__all__ = [
    "DEFINITION_ATTRIBUTE",
    "Action",
    "ActionDefinition",
    "definition_of",
    "ensure_category",
    "ensure_data_type",
    "ensure_model",
    "first_paragraph",
    "is_action",
]

DEFINITION_ATTRIBUTE = "__synapse_action__"
"""Where a class or function keeps its definition."""

Action: TypeAlias = Callable[..., Any]
"""A `BaseAction` subclass, or a function decorated with `@action`."""


class ActionDefinition(Protocol):
    """What an action says of itself, the same for classes and functions."""

    @property
    def target(self) -> Action:
        """The class or function."""
        ...

    @property
    def kind(self) -> Literal["class", "function"]:
        """Which of both it is."""
        ...

    @property
    def name(self) -> str:
        """Its name within a plugin, unless the manifest says otherwise."""
        ...

    @property
    def description(self) -> str:
        """What it does, in a sentence; may be empty."""
        ...

    @property
    def category(self) -> PluginCategory | None:
        """What it is for; None leaves it to the plugin."""
        ...

    @property
    def input_type(self) -> type[DataType] | None:
        """What it consumes."""
        ...

    @property
    def output_type(self) -> type[DataType] | None:
        """What it produces."""
        ...

    @property
    def params_model(self) -> type[BaseModel]:
        """The model of its params.

        Raises:
            ActionDefinitionError: It does not say what they are.
        """
        ...

    @property
    def result_model(self) -> type[BaseModel] | None:
        """What its result must be; None for anything that JSON can say."""
        ...

    def check(self) -> None:
        """Look whether it can be executed.

        Raises:
            ActionDefinitionError: It cannot; says what is missing.
        """
        ...

    def execute(self, params: BaseModel, context: RuntimeContext) -> object:
        """Call the user's code; a coroutine is returned as it is."""
        ...


def definition_of(action: Action) -> ActionDefinition:
    """Return what the action says of itself.

    Raises:
        ActionDefinitionError: It is no action.
    """
    definition: ActionDefinition | None = getattr(action, DEFINITION_ATTRIBUTE, None)
    if definition is None:
        raise ActionDefinitionError(
            f"{_describe(action)} is no action.",
            hint="Derive a class from BaseAction[YourParams], or decorate a function with @action.",
        )
    return definition


def is_action(value: object) -> bool:
    """Whether the value is a class or function that can be an action; `BaseAction` is none."""
    return getattr(value, DEFINITION_ATTRIBUTE, None) is not None


def ensure_model(value: object, owner: str, what: str) -> type[BaseModel]:
    """Return `value` when it is a pydantic model.

    Args:
        value: What should be a model.
        owner: Name of the action.
        what: `params` or `result`.

    Raises:
        ActionDefinitionError: It is none.
    """
    if isinstance(value, type) and issubclass(value, BaseModel) and value is not BaseModel:
        return value
    shown = value.__name__ if isinstance(value, type) else repr(value)
    raise ActionDefinitionError(
        f"The {what} model of {owner} is {shown}, which is no pydantic model.",
        hint="Name a class that derives from pydantic.BaseModel.",
    )


def ensure_category(value: object, owner: str) -> PluginCategory | None:
    """Return `value` as a category.

    Raises:
        ActionDefinitionError: There is no such category.
    """
    if value is None or isinstance(value, PluginCategory):
        return value
    try:
        return PluginCategory(value)
    except ValueError:
        known = ", ".join(PluginCategory)
        raise ActionDefinitionError(
            f"The category of {owner} is {value!r}, which does not exist.",
            hint=f"Categories: {known}.",
        ) from None


def ensure_data_type(value: object, owner: str, what: str) -> type[DataType] | None:
    """Return `value` when it is a semantic type, or none.

    Args:
        value: What should be one.
        owner: Name of the action.
        what: `input` or `output`.

    Raises:
        ActionDefinitionError: It is something else.
    """
    if value is None or (isinstance(value, type) and issubclass(value, DataType)):
        return value
    shown = value.__name__ if isinstance(value, type) else repr(value)
    raise ActionDefinitionError(
        f"The {what}_type of {owner} is {shown}, which is no semantic type.",
        hint="Name a class of synapse_core.types, such as YOLODataset, or one derived from it.",
    )


def first_paragraph(docstring: str | None) -> str:
    """Return the first paragraph of a docstring in one line; empty without one."""
    if not docstring:
        return ""
    return " ".join(inspect.cleandoc(docstring).partition("\n\n")[0].split())


def _describe(value: object) -> str:
    name = getattr(value, "__qualname__", None)
    if name is None:
        return f"A value of type {type(value).__name__}"
    what = "The class" if isinstance(value, type) else "The function"
    return f"{what} {name}"

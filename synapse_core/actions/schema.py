"""Tells what an imported action is: its facts, and the schemas of its params and result."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synapse_core.actions.definition import Action, definition_of
from synapse_core.actions.example import build_example
from synapse_core.actions.form import build_form
from synapse_core.actions.json_schema import (
    params_json_schema,
    result_json_schema,
    without_form_keys,
)
from synapse_core.model.plugin import ActionSchema, PluginCategory
from synapse_core.types import DataType, JSONObject

__all__ = ["ActionFacts", "describe_action_code", "describe_schema"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFacts:
    """What an imported class or function says of itself as an action.

    Attributes:
        name: Its name within a plugin, unless the manifest says otherwise.
        kind: `class` or `function`.
        entrypoint: `module:attribute`.
        description: What it does, in a sentence; may be empty.
        category: What it is for; None leaves it to the plugin.
        input_type: Name of the semantic type it consumes.
        output_type: Name of the semantic type it produces.
        file: Absolute path of its source; empty when unknown.
        line: Line of its definition there, from 1; 0 when unknown.
    """

    name: str
    kind: str
    entrypoint: str
    description: str
    category: PluginCategory | None
    input_type: str | None
    output_type: str | None
    file: str
    line: int


def describe_action_code(action: Action) -> ActionFacts:
    """Return what the action says of itself.

    Raises:
        ActionDefinitionError: It is no action.
    """
    definition = definition_of(action)
    target: Any = definition.target
    file, line = _locate(target)
    return ActionFacts(
        name=definition.name,
        kind=definition.kind,
        entrypoint=f"{target.__module__}:{target.__qualname__}",
        description=definition.description,
        category=definition.category,
        input_type=_name(definition.input_type),
        output_type=_name(definition.output_type),
        file=file,
        line=line,
    )


def describe_schema(action: Action) -> ActionSchema:
    """Return the schemas of params and result, a form that asks for params, and an example.

    Raises:
        ActionDefinitionError: It is no action, or has a type that JSON cannot carry.
    """
    definition = definition_of(action)
    params = params_json_schema(definition.params_model)
    result = definition.result_model
    return ActionSchema(
        params=_plain(params),
        result=_plain(result_json_schema(result)) if result is not None else None,
        form=build_form(params),
        example=build_example(definition.params_model),
    )


def _plain(schema: JSONObject) -> JSONObject:
    plain = without_form_keys(schema)
    return plain if isinstance(plain, dict) else {}


def _name(data_type: type[DataType] | None) -> str | None:
    return data_type.__name__ if data_type is not None else None


def _locate(target: type | Callable[..., Any]) -> tuple[str, int]:
    """Return the file and the line of a definition, decorators not counted."""
    if not isinstance(target, type):
        code = inspect.unwrap(target).__code__
        return code.co_filename, code.co_firstlineno
    try:
        file = inspect.getsourcefile(target)
        _, line = inspect.getsourcelines(target)
    except (OSError, TypeError):  # made in an interactive session
        return "", 0
    return (str(Path(file).absolute()), line) if file else ("", 0)

"""Tells what an imported action takes and returns."""

from pydantic import BaseModel

from synapse_core.actions.definition import Action, definition_of
from synapse_core.actions.endless import find_endless
from synapse_core.actions.example import build_example
from synapse_core.actions.form import build_form
from synapse_core.actions.json_schema import (
    params_json_schema,
    result_json_schema,
    without_form_keys,
)
from synapse_core.errors import ActionDefinitionError
from synapse_core.model.plugin import ActionSchema
from synapse_core.types import JSONObject

__all__ = ["describe_schema"]


def describe_schema(action: Action) -> ActionSchema:
    """Return the schemas of params and result, a form that asks for params, and an example.

    Raises:
        ActionDefinitionError: It is no action, has a type that JSON cannot carry, or params that
            nobody can give.
    """
    definition = definition_of(action)
    params = params_json_schema(definition.params_model)
    _ensure_finite(definition.params_model, params)
    result = definition.result_model
    return ActionSchema(
        params=_plain(params),
        result=_plain(result_json_schema(result)) if result is not None else None,
        form=build_form(params),
        example=build_example(definition.params_model, params),
    )


def _ensure_finite(model: type[BaseModel], schema: JSONObject) -> None:
    endless = find_endless(schema)
    if endless:
        raise ActionDefinitionError(
            f"Nobody can give the params {model.__name__}: {', '.join(endless)} holds itself "
            "without end.",
            hint="Let it end: make the inner field optional (`child: Node | None = None`), or a "
            "list.",
        )


def _plain(schema: JSONObject) -> JSONObject:
    plain = without_form_keys(schema)
    return plain if isinstance(plain, dict) else {}

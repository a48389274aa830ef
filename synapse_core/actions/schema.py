"""Tells what an imported action takes and returns."""

from synapse_core.actions.definition import Action, definition_of
from synapse_core.actions.example import build_example
from synapse_core.actions.form import build_form
from synapse_core.actions.json_schema import (
    params_json_schema,
    result_json_schema,
    without_form_keys,
)
from synapse_core.model.plugin import ActionSchema
from synapse_core.types import JSONObject

__all__ = ["describe_schema"]


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
        example=build_example(definition.params_model, params),
    )


def _plain(schema: JSONObject) -> JSONObject:
    plain = without_form_keys(schema)
    return plain if isinstance(plain, dict) else {}

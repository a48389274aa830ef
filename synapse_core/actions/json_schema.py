"""Describes params and results as JSON schemas (2020-12)."""

import json
import math

from pydantic import BaseModel
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaWarningKind

from synapse_core.actions.keys import strictness_of
from synapse_core.errors import ActionDefinitionError
from synapse_core.types import JSONObject, JSONValue

__all__ = ["FORM_KEY", "params_json_schema", "result_json_schema", "without_form_keys"]

FORM_KEY = "formkit"
"""In `json_schema_extra` of a field: what its form node shall have besides, or instead."""


class _Generator(GenerateJsonSchema):
    # A default that JSON cannot say is left out of the schema, and nobody is told.
    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012 - as pydantic declares it
        "skipped-choice",
        "non-serializable-default",
    }


def params_json_schema(model: type[BaseModel]) -> JSONObject:
    """Return what params may be; keys that are errors are ruled out by `additionalProperties`.

    Raises:
        ActionDefinitionError: A field has a type that JSON cannot carry, or the params have no
            names.
    """
    schema = _generate(model, "params", "validation")
    _ensure_object(model, schema)
    strictness = strictness_of(model)
    if strictness.is_everywhere or strictness.keys is not None:
        schema.setdefault("additionalProperties", False)
    definitions = schema.get("$defs")
    if strictness.is_everywhere and isinstance(definitions, dict):
        for inner in definitions.values():
            if isinstance(inner, dict) and "properties" in inner:
                inner.setdefault("additionalProperties", False)
    return schema


def result_json_schema(model: type[BaseModel]) -> JSONObject:
    """Return what the result is.

    Raises:
        ActionDefinitionError: A field has a type that JSON cannot carry.
    """
    return _generate(model, "result", "serialization")


def _ensure_object(model: type[BaseModel], schema: JSONObject) -> None:
    kind = schema.get("type", "object")
    if kind != "object":
        raise ActionDefinitionError(
            f"The params model {model.__name__} takes one {kind}, but params have names.",
            hint="Derive it from pydantic.BaseModel, with a field for each param.",
        )


def _generate(model: type[BaseModel], what: str, mode: JsonSchemaMode) -> JSONObject:
    try:
        return _finite(model.model_json_schema(mode=mode, schema_generator=_Generator))
    except (PydanticUserError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ActionDefinitionError(
            f"The {what} model {model.__name__} cannot be described as JSON: {reason}",
            hint="Use types that JSON can carry: numbers, text, lists, dicts, enums, Path, dates "
            "or pydantic models.",
        ) from error


def _finite(schema: JSONObject) -> JSONObject:
    """Return the schema without infinite bounds and defaults, which JSON cannot say."""
    try:
        json.dumps(schema, allow_nan=False)
    except ValueError:
        dropped = _drop(schema)
        return dropped if isinstance(dropped, dict) else {}
    return schema


def _drop(value: JSONValue) -> JSONValue:
    match value:
        case float() if not math.isfinite(value):
            return None
        case dict():
            kept = {key: _drop(one) for key, one in value.items()}
            return {key: one for key, one in kept.items() if one is not None or value[key] is None}
        case list():
            kept_items = [_drop(one) for one in value]
            has_lost = any(
                one is None and was is not None for one, was in zip(kept_items, value, strict=True)
            )
            return None if has_lost else kept_items
        case _:
            return value


def without_form_keys(schema: JSONValue) -> JSONValue:
    """Return the schema without what is meant for forms only."""
    match schema:
        case dict():
            return {key: without_form_keys(one) for key, one in schema.items() if key != FORM_KEY}
        case list():
            return [without_form_keys(one) for one in schema]
        case _:
            return schema

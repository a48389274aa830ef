"""Checks params against their JSON schema in the way in which pydantic will check them.

A general JSON schema checker would refuse what an action accepts, such as `"5"` for a whole number,
and takes three times as long to import. So the schema is translated for the checker that pydantic
itself stands on. Where a schema says less than the model it came from, more is let through; the
action's own model has the last word.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from pydantic_core import CoreSchema, SchemaError, SchemaValidator

from synapse_core.types import JSONObject, JSONValue

__all__ = ["build_validator", "resolve"]

_DEFINITIONS = "#/$defs/"
_ANYTHING: Final[dict[str, Any]] = {"type": "any"}

_LIMITS = {
    "minimum": "ge",
    "exclusiveMinimum": "gt",
    "maximum": "le",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
}
_TEXT_LIMITS = {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"}
_FORMATS = {
    "date-time": "datetime",
    "date": "date",
    "time": "time",
    "duration": "timedelta",
    "uuid": "uuid",
}
_MOST_HOPS = 20


def build_validator(schema: JSONObject) -> SchemaValidator:
    """Return what checks values against a schema that pydantic made."""
    definitions = schema.get("$defs")
    inner: list[dict[str, Any]] = []
    if isinstance(definitions, dict):
        for name, node in definitions.items():
            built = _build(node)
            if built["type"] == "definition-ref":  # nothing can refer to what only refers
                built = {"type": "nullable", "schema": built}
            inner.append({**built, "ref": name})
    whole = {"type": "definitions", "schema": _build(schema), "definitions": inner}
    try:
        return SchemaValidator(cast("CoreSchema", whole))
    except SchemaError:  # somebody's own schema, with references that lead nowhere
        return SchemaValidator(cast("CoreSchema", _ANYTHING))


def resolve(node: JSONValue, whole: JSONObject) -> JSONObject:
    """Return a part of a schema with what it refers to joined in."""
    definitions = whole.get("$defs")
    for _ in range(_MOST_HOPS):
        if not isinstance(node, dict):
            return {}
        reference = node.get("$ref")
        if not isinstance(reference, str) or not isinstance(definitions, dict):
            return node
        rest = {key: value for key, value in node.items() if key != "$ref"}
        target = definitions.get(reference.removeprefix(_DEFINITIONS))
        node = {**target, **rest} if isinstance(target, dict) else rest
    return {}


def _build(node: JSONValue) -> dict[str, Any]:
    built = dict(_ANYTHING)
    match node:
        case {"$ref": str(reference)}:
            name = reference.removeprefix(_DEFINITIONS)
            built = {"type": "definition-ref", "schema_ref": name}
        case {"const": value}:
            built = {"type": "literal", "expected": [value]}
        case {"enum": list(values)}:
            built = _build_enum(values)
        case {"oneOf": list(choices), "discriminator": {"propertyName": str(key), **more}}:
            built = _build_tagged(choices, key, more.get("mapping"))
        case {"anyOf": list(choices)} | {"oneOf": list(choices)}:
            built = _build_union(choices)
        case {"allOf": [only]}:
            built = _build(only)
        case {"type": list(kinds)}:
            built = _build_union([{**node, "type": kind} for kind in kinds])
        case {"type": str(kind)}:
            build = _KINDS.get(kind)
            built = build(node) if build is not None else built
        case _:
            pass
    return built


def _take(node: Mapping[str, JSONValue], names: Mapping[str, str]) -> dict[str, Any]:
    return {core: node[name] for name, core in names.items() if name in node}


def _build_whole_number(node: Mapping[str, JSONValue]) -> dict[str, Any]:
    return {"type": "int", **_take(node, _LIMITS)}


def _build_number(node: Mapping[str, JSONValue]) -> dict[str, Any]:
    return {"type": "float", **_take(node, _LIMITS)}


def _build_text(node: Mapping[str, JSONValue]) -> dict[str, Any]:
    core = _FORMATS.get(str(node.get("format", "")))
    if core:
        return {"type": core}
    text = {"type": "str", **_take(node, _TEXT_LIMITS)}
    try:
        SchemaValidator(cast("CoreSchema", text))
    except SchemaError:  # a pattern that only Python's own engine knows
        del text["pattern"]
    return text


def _build_enum(values: list[JSONValue]) -> dict[str, Any]:
    literal = {"type": "literal", "expected": values}
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return {
            "type": "chain",
            "steps": [{"type": "int"}, literal],
        }  # an enum of numbers takes "1"
    return literal


def _build_union(choices: list[JSONValue]) -> dict[str, Any]:
    built = [_build(choice) for choice in choices if choice != {"type": "null"}]
    inner = built[0] if len(built) == 1 else {"type": "union", "choices": built}
    if not built:
        return {"type": "none"}
    return {"type": "nullable", "schema": inner} if len(built) < len(choices) else inner


def _build_tagged(choices: list[JSONValue], key: str, mapping: JSONValue) -> dict[str, Any]:
    if not isinstance(mapping, dict):
        return _build_union(choices)
    tagged = {tag: _build({"$ref": reference}) for tag, reference in mapping.items()}
    return {"type": "tagged-union", "discriminator": key, "choices": tagged}


def _build_object(node: Mapping[str, JSONValue]) -> dict[str, Any]:
    more = node.get("additionalProperties", True)
    properties = node.get("properties")
    if isinstance(properties, dict):
        required = node.get("required")
        names = required if isinstance(required, list) else []
        fields = {
            name: {"type": "typed-dict-field", "schema": _build(inner), "required": name in names}
            for name, inner in properties.items()
        }
        behaviour = "forbid" if more is False else "allow"
        core: dict[str, Any] = {"type": "typed-dict", "fields": fields, "extra_behavior": behaviour}
        if isinstance(more, dict):
            core["extras_schema"] = _build(more)
        return core
    limits = _take(node, {"minProperties": "min_length", "maxProperties": "max_length"})
    return {"type": "dict", "values_schema": _build(more), **limits}


def _build_array(node: Mapping[str, JSONValue]) -> dict[str, Any]:
    first = node.get("prefixItems")
    if isinstance(first, list) and "items" not in node:
        return {"type": "tuple", "items_schema": [_build(item) for item in first]}
    limits = _take(node, {"minItems": "min_length", "maxItems": "max_length"})
    if node.get("uniqueItems"):  # the action makes a set of it, which may be smaller
        limits.pop("max_length", None)
    items = _ANYTHING if isinstance(first, list) else _build(node.get("items"))
    return {"type": "list", "items_schema": items, **limits}


_KINDS: Final[dict[str, Callable[[Mapping[str, JSONValue]], dict[str, Any]]]] = {
    "object": _build_object,
    "array": _build_array,
    "string": _build_text,
    "integer": _build_whole_number,
    "number": _build_number,
    "boolean": lambda _: {"type": "bool"},
    "null": lambda _: {"type": "none"},
}

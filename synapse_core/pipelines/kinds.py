"""What a JSON schema admits, as far as it can be told without trying values."""

from collections.abc import Mapping

from synapse_core.types import JSONObject, JSONValue

__all__ = ["can_be_given", "field_schema", "kind_of", "kinds_of", "kinds_of_text", "known_fields"]

_NUMBERS = {"integer": "number"}
_TAKEN_FOR: Mapping[str, frozenset[str]] = {
    # As pydantic reads JSON: texts may be numbers, numbers no texts.
    "string": frozenset({"string", "number", "boolean"}),
    "number": frozenset({"number", "boolean"}),
    "boolean": frozenset({"boolean", "number"}),
    "array": frozenset({"array"}),
    "object": frozenset({"object"}),
    "null": frozenset({"null"}),
    "text": frozenset({"string"}),
}
_MOST_HOPS = 20

_TRUTHS = frozenset(["0", "1", "on", "off", "t", "f", "true", "false", "y", "n", "yes", "no"])
"""Text that pydantic reads as true or false."""


def can_be_given(source: frozenset[str] | None, target: frozenset[str] | None) -> bool:
    """Tell whether a value of one of these kinds may be taken where one of those is wanted."""
    if source is None or target is None:
        return True
    return any(_TAKEN_FOR[kind] & target for kind in source)


def kinds_of(node: JSONValue, whole: JSONObject) -> frozenset[str] | None:
    """Return the kinds of JSON value that a part of a schema admits; None for any."""
    return _kinds(node, whole, _MOST_HOPS)


def kind_of(value: JSONValue) -> str:
    """Return the kind of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def kinds_of_text(text: str) -> frozenset[str]:
    """Return the kind of a text that is known: `text`, when it can be taken for nothing else."""
    says_truth = text.strip().lower() in _TRUTHS
    return frozenset({"string" if says_truth or _says_number(text) else "text"})


def _says_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def known_fields(schema: JSONObject | None) -> JSONObject | None:
    """Return the schemas of an object's fields; None when it may have any."""
    if schema is None:
        return None
    node = _resolve(schema, schema)
    properties = node.get("properties")
    if node.get("type") != "object" or not isinstance(properties, dict):
        return None
    return properties


def field_schema(schema: JSONObject | None, name: str) -> JSONValue:
    """Return the schema of a field; an empty one where nothing is known."""
    return (known_fields(schema) or {}).get(name, {})


def _kinds(node: JSONValue, whole: JSONObject, hops: int) -> frozenset[str] | None:
    resolved = _resolve(node, whole)
    if hops == 0:
        return None
    choices = resolved.get("anyOf", resolved.get("oneOf"))
    if isinstance(choices, list):
        parts = [_kinds(choice, whole, hops - 1) for choice in choices]
        known = [part for part in parts if part is not None]
        return frozenset[str]().union(*known) if len(known) == len(parts) else None
    values = [resolved["const"]] if "const" in resolved else resolved.get("enum")
    if isinstance(values, list):
        return frozenset(kind_of(value) for value in values)
    named = resolved.get("type")
    names = named if isinstance(named, list) else [named]
    kinds = {_NUMBERS.get(str(name), str(name)) for name in names}
    if not kinds <= _TAKEN_FOR.keys() or "format" in resolved:  # a date may come as a number
        return None
    return frozenset(kinds)


def _resolve(node: JSONValue, whole: JSONObject) -> JSONObject:
    for _ in range(_MOST_HOPS):
        if not isinstance(node, dict):
            return {}
        reference = node.get("$ref")
        definitions = whole.get("$defs")
        if not isinstance(reference, str) or not isinstance(definitions, dict):
            return node
        node = definitions.get(reference.removeprefix("#/$defs/"))
    return {}

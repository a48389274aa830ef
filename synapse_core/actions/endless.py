"""Finds params that nobody can ever give, because they hold themselves without end."""

from collections.abc import Iterable

from synapse_core.types import JSONObject, JSONValue

__all__ = ["find_endless"]


def find_endless(schema: JSONObject) -> list[str]:
    """Return the required params for which no finite value exists.

    A definition is finite when all it requires is; what is finite is found by going on until
    nothing new is. What the schema leaves open counts as finite.

    Args:
        schema: The JSON schema of an object, as pydantic writes it.
    """
    definitions = {name: _mapping(one) for name, one in _mapping(schema.get("$defs")).items()}
    finite: set[str] = set()
    while more := {
        name for name, one in definitions.items() if name not in finite and _is_finite(one, finite)
    }:
        finite |= more
    start = schema
    if "$ref" in schema:
        start = definitions.get(_target(schema), {})
    return [name for name, one in _required(start) if not _is_finite(one, finite)]


def _is_finite(schema: JSONObject, finite: set[str]) -> bool:
    """Whether a value exists, given the definitions that are known to have one."""
    if "$ref" in schema:
        return _target(schema) in finite
    for key in ("anyOf", "oneOf"):
        choices = _items(schema.get(key))
        if choices:
            return any(_is_finite(one, finite) for one in choices)
    needed = [*_items(schema.get("allOf")), *(one for _, one in _required(schema))]
    if schema.get("type") == "array":
        needed += _needed_items(schema)
    return all(_is_finite(one, finite) for one in needed)


def _needed_items(schema: JSONObject) -> Iterable[JSONObject]:
    least = schema.get("minItems")
    first = _items(schema.get("prefixItems"))
    if not isinstance(least, int) or least == 0:
        return []
    rest = schema.get("items")
    more = [rest] if isinstance(rest, dict) and least > len(first) else []
    return [*first[:least], *more]


def _required(schema: JSONObject) -> list[tuple[str, JSONObject]]:
    named = schema.get("required")
    properties = _mapping(schema.get("properties"))
    names = named if isinstance(named, list) else []
    return [(str(name), _mapping(properties.get(str(name)))) for name in names]


def _target(schema: JSONObject) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _items(value: JSONValue) -> list[JSONObject]:
    return [_mapping(one) for one in value] if isinstance(value, list) else []


def _mapping(value: JSONValue) -> JSONObject:
    return value if isinstance(value, dict) else {}

"""A JSON schema of params as rows that people read."""

from collections.abc import Iterator

from synapse_core.types import JSONObject
from synapse_mcp.cli.formatting import value_text

__all__ = ["param_rows"]

_MAX_DEPTH = 4
_REFERENCE = "#/$defs/"
_LIMITS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
    "minLength": "length ≥",
    "maxLength": "length ≤",
    "minItems": "items ≥",
    "maxItems": "items ≤",
    "pattern": "matches",
}


def param_rows(schema: JSONObject) -> list[tuple[str, str, str, str]]:
    """Return name, type, default and meaning of each param, those of nested objects dotted."""
    return list(_rows(schema, schema, "", 0))


def _rows(
    node: JSONObject, whole: JSONObject, above: str, depth: int
) -> Iterator[tuple[str, str, str, str]]:
    properties = node.get("properties")
    required = node.get("required")
    if not isinstance(properties, dict):
        return
    for name, given in properties.items():
        if not isinstance(given, dict):
            continue
        part = _resolved(given, whole)
        is_required = isinstance(required, list) and name in required
        default = "required" if is_required else _default(part)
        yield f"{above}{name}", _type(part, whole), default, _meaning(part)
        if depth < _MAX_DEPTH:
            yield from _rows(part, whole, f"{above}{name}.", depth + 1)


def _resolved(node: JSONObject, whole: JSONObject) -> JSONObject:
    """Return the node with what it refers to joined in."""
    reference = node.get("$ref")
    definitions = whole.get("$defs")
    if not isinstance(reference, str) or not isinstance(definitions, dict):
        return node
    target = definitions.get(reference.removeprefix(_REFERENCE))
    return {**target, **node} if isinstance(target, dict) else node


def _type(node: JSONObject, whole: JSONObject) -> str:
    choices = node.get("enum")
    if isinstance(choices, list):
        return " | ".join(value_text(choice) for choice in choices)
    if "const" in node:
        return value_text(node["const"])
    options = node.get("anyOf") or node.get("oneOf")
    if isinstance(options, list):
        kinds = [_type(_resolved(o, whole), whole) for o in options if isinstance(o, dict)]
        return " | ".join(dict.fromkeys(kinds))
    kind = node.get("type", "any")
    text = " | ".join(map(str, kind)) if isinstance(kind, list) else str(kind)
    items = node.get("items")
    if text == "array" and isinstance(items, dict):
        text = f"array of {_type(_resolved(items, whole), whole)}"
    limits = [f"{sign} {value_text(node[key])}" for key, sign in _LIMITS.items() if key in node]
    return ", ".join([text, *limits])


def _default(node: JSONObject) -> str:
    return value_text(node["default"]) if "default" in node else ""


def _meaning(node: JSONObject) -> str:
    return str(node.get("description") or "").partition("\n")[0]

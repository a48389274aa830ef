"""JSON schemas of arguments and results, as short as they can be.

Every client loads all definitions into the context of its model, so what no model needs is left
out: titles, ceilings on text, the texts of results and the fields of their rows, the `null` of
fields that may simply be absent, and definitions that are used once.
"""

from typing import cast

from pydantic import BaseModel

from synapse_core.types import JSONObject, JSONValue
from synapse_mcp.results.base import Result

__all__ = ["input_schema", "output_schema"]

_UNREAD_OF_ARGUMENTS = frozenset({"title", "$defs", "maxLength"})
_UNREAD_OF_RESULTS = _UNREAD_OF_ARGUMENTS | {"description", "default", "additionalProperties"}
_REFERENCE = "#/$defs/"


def input_schema(arguments: type[BaseModel]) -> JSONObject:
    """Return the JSON schema of a tool's arguments."""
    schema = _Compactor(arguments, _UNREAD_OF_ARGUMENTS).schema()
    schema.pop("description", None)  # the docstring of the class is for us
    return schema


def output_schema(result: type[Result]) -> JSONObject:
    """Return the JSON schema of a result's structured content.

    Its rows are just objects, and `next`, which every result has, is left out.
    """
    schema = _Compactor(result, _UNREAD_OF_RESULTS).schema()
    properties = cast("dict[str, JSONObject]", schema["properties"])
    return {
        **schema,
        "properties": {name: _flat(node) for name, node in properties.items() if name != "next"},
    }


class _Compactor:
    """Writes the schema of a model: without what is not read, definitions where they are used."""

    def __init__(self, model: type[BaseModel], unread: frozenset[str]) -> None:
        self._whole = cast("JSONObject", model.model_json_schema())
        self._unread = unread

    def schema(self) -> JSONObject:
        return cast("JSONObject", self._compact(self._whole))

    def _compact(self, node: JSONValue, *, are_names: bool = False) -> JSONValue:
        """Compact a part; with `are_names`, its keys are names of fields, not words of a schema."""
        if isinstance(node, list):
            return [self._compact(item) for item in node]
        if not isinstance(node, dict):
            return node
        if are_names:
            return {key: self._compact(value) for key, value in node.items()}
        node = self._resolve(_without_null(node))
        compact = {
            key: self._compact(value, are_names=key == "properties")
            for key, value in node.items()
            if key not in self._unread
        }
        if compact.get("additionalProperties") == {}:
            del compact["additionalProperties"]  # anything goes, also without saying so
        return compact

    def _resolve(self, node: JSONObject) -> JSONObject:
        reference = node.get("$ref")
        if not isinstance(reference, str):
            return node
        definitions = cast("dict[str, JSONObject]", self._whole["$defs"])
        rest = {key: value for key, value in node.items() if key != "$ref"}
        target = dict(definitions[reference.removeprefix(_REFERENCE)])
        target.pop("description", None)  # the docstring of a class is for us
        return {**target, **rest}


def _flat(node: JSONObject) -> JSONObject:
    """Return the schema of a field without that of the objects in it."""
    items = node.get("items")
    if isinstance(items, dict):
        return {**node, "items": _flat(items)}
    return {"type": "object"} if "properties" in node else node


def _without_null(node: JSONObject) -> JSONObject:
    """Return the schema of an optional field as that of a field which may be left out."""
    options = node.get("anyOf")
    if not isinstance(options, list) or {"type": "null"} not in options:
        return node
    kept = [option for option in options if option != {"type": "null"}]
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    if rest.get("default", ...) is None:
        del rest["default"]
    if len(kept) == 1 and isinstance(kept[0], dict):
        return {**kept[0], **rest}
    return {**rest, "anyOf": kept}

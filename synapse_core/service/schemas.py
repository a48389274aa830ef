"""JSON schemas of dataclasses.

Pydantic would make them but for fields that hold any JSON, whose type refers to itself.
"""

import dataclasses
from enum import StrEnum
from inspect import getdoc
from typing import Any, get_args, get_origin, get_type_hints

from synapse_core.types import JSONObject, JSONValue

__all__ = ["add_schema", "ref_to"]

_PLAIN: dict[object, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def ref_to(name: str) -> JSONObject:
    """Return a reference to the schema of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def add_schema(schemas: dict[str, JSONValue], model: type) -> None:
    """Add the schema of a dataclass, and those of the dataclasses in it."""
    if model.__name__ in schemas:
        return
    hints = get_type_hints(model)
    required = list[JSONValue]()
    properties = dict[str, JSONValue]()
    schemas[model.__name__] = {
        "type": "object",
        "description": (getdoc(model) or "").split("\n")[0],
        "properties": properties,
        "required": required,
    }
    for field in dataclasses.fields(model):
        properties[field.name] = _schema(schemas, hints[field.name])
        if field.default is field.default_factory is dataclasses.MISSING:
            required.append(field.name)


def _schema(schemas: dict[str, JSONValue], hint: Any) -> JSONObject:  # noqa: ANN401 - any type there is
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if get_args(hint):
        return _schema_of_parts(schemas, get_origin(hint), get_args(hint))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        add_schema(schemas, hint)
        return ref_to(hint.__name__)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"type": "string", "enum": [member.value for member in hint]}
    return {}


def _schema_of_parts(
    schemas: dict[str, JSONValue], origin: object, parts: tuple[Any, ...]
) -> JSONObject:
    # What may be any JSON refers to itself, and is not gone into.
    inner = parts[-1]
    is_known = inner in _PLAIN or dataclasses.is_dataclass(inner)
    if origin is dict:
        more: JSONObject = {"additionalProperties": _schema(schemas, inner)} if is_known else {}
        return {"type": "object", **more}
    if origin is list or origin is frozenset:
        return {"type": "array", **({"items": _schema(schemas, inner)} if is_known else {})}
    return {"anyOf": [_schema(schemas, part) for part in parts]}

"""Makes a small value that meets a JSON schema."""

import math
from collections.abc import Callable, Sequence

from synapse_core.actions.patterns import text_matching
from synapse_core.types import JSONObject, JSONValue

__all__ = ["Sampler"]

_MAX_DEPTH = 12
"""Models that hold themselves end here."""

_BY_FORMAT = {
    "base64url": "YQ==",
    "binary": "a",
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "directory-path": ".",
    "duration": "PT1M",
    "email": "name@example.com",
    "file-path": "file.txt",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "json-string": "{}",
    "multi-host-uri": "https://example.com/",
    "password": "secret",
    "path": "path/to/file",
    "regex": ".*",
    "time": "12:00:00Z",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


class Sampler:
    """Makes values of one schema and of the definitions in it.

    Args:
        schema: The JSON schema of an object, as pydantic writes it.
    """

    def __init__(self, schema: JSONObject) -> None:
        self._schema = schema
        definitions = schema.get("$defs")
        self._definitions = definitions if isinstance(definitions, dict) else {}

    def params(self, *, with_defaults: bool) -> JSONObject:
        """Return an object that meets the schema.

        Args:
            with_defaults: Whether to name the values of params that could be left out.
        """
        return self._object(self._schema, 0, with_defaults=with_defaults)

    def _value(self, schema: JSONObject, depth: int, number: int = 0) -> JSONValue:
        """Return a value; another one for each `number`, where uniqueness is asked for."""
        if depth >= _MAX_DEPTH or (depth > 1 and _may_be_null(schema)):
            return None
        schema = self._resolve(schema)
        for key in ("examples", "enum"):
            listed = schema.get(key)
            if isinstance(listed, list) and listed:
                return listed[number % len(listed)]
        for key in ("const", "default"):
            if schema.get(key) is not None:
                return schema[key]
        return self._made(schema, depth, number)

    def _made(self, schema: JSONObject, depth: int, number: int) -> JSONValue:
        makers: dict[str, Callable[[], JSONValue]] = {
            "object": lambda: self._object(schema, depth, with_defaults=False),
            "array": lambda: self._array(schema, depth),
            "string": lambda: _text(schema, number),
            "integer": lambda: int(_number(schema, number, is_integer=True)),
            "number": lambda: _number(schema, number, is_integer=False),
            "boolean": lambda: number % 2 == 1,
        }
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), None)
        make = makers.get(str(kind))
        return make() if make is not None else None

    def _object(self, schema: JSONObject, depth: int, *, with_defaults: bool) -> JSONObject:
        required = _list(schema.get("required"))
        made: JSONObject = {}
        for name, one in _mapping(schema.get("properties")).items():
            if not isinstance(one, dict):
                continue
            default = one.get("default")
            if name in required:
                made[name] = self._value(one, depth + 1)
            elif with_defaults and default is not None:
                made[name] = default
        inner = schema.get("additionalProperties")
        if isinstance(inner, dict) and not made and depth < _MAX_DEPTH:
            for number in range(max(1, _count(schema.get("minProperties")))):
                key = "key" if number == 0 else f"key_{number + 1}"
                made[key] = self._value(inner, depth + 1)
        return made

    def _array(self, schema: JSONObject, depth: int) -> list[JSONValue]:
        least = _count(schema.get("minItems"))
        made = [self._value(_mapping(one), depth + 1) for one in _list(schema.get("prefixItems"))]
        items = schema.get("items")
        most = schema.get("maxItems")
        wanted = max(least, 0 if made or most == 0 or depth >= _MAX_DEPTH else 1)
        is_unique = schema.get("uniqueItems") is True
        while isinstance(items, dict) and len(made) < wanted and depth < _MAX_DEPTH:
            made.append(self._value(items, depth + 1, len(made) if is_unique else 0))
        return made

    def _resolve(self, schema: JSONObject) -> JSONObject:
        """Return the schema with references followed and the first of several choices taken."""
        for _ in range(_MAX_DEPTH):
            choices = _list(schema.get("anyOf")) or _list(schema.get("oneOf"))
            parts = _list(schema.get("allOf"))
            inner: JSONObject
            if "$ref" in schema:
                name = str(schema["$ref"]).rpartition("/")[2]
                inner = _mapping(self._definitions.get(name))
            elif choices:
                real = [one for one in map(_mapping, choices) if one.get("type") != "null"]
                inner = real[0] if real else {}
            elif parts:
                inner = {key: value for part in parts for key, value in _mapping(part).items()}
            else:
                break
            taken = {"$ref", "anyOf", "oneOf", "allOf"}
            schema = {**inner, **{key: one for key, one in schema.items() if key not in taken}}
        return schema


def _may_be_null(schema: JSONObject) -> bool:
    return any(_mapping(one).get("type") == "null" for one in _list(schema.get("anyOf")))


def _text(schema: JSONObject, number: int) -> str:
    least = _count(schema.get("minLength"))
    most = _count(schema.get("maxLength")) if "maxLength" in schema else None
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        return text_matching(pattern, min_length=least) or ""
    text = _BY_FORMAT.get(str(schema.get("format")), "text")
    if number:
        text = f"{text}{number}"
    text = text.ljust(least, "x")
    return text if most is None else text[:most]


def _number(schema: JSONObject, number: int, *, is_integer: bool) -> float:
    """Return 1 where that is allowed, else what lies nearest to the lower or upper bound."""
    lowest, highest = _bounds(schema, is_integer=is_integer)
    step = schema.get("multipleOf")
    value = min(max(1.0, lowest), highest)
    if isinstance(step, int | float) and step > 0:
        value = math.ceil(value / step) * step
        if value > highest:
            value = math.floor(highest / step) * step
        return value + number * step
    if is_integer:
        value = math.ceil(value) if math.isfinite(value) else 1
        return value + number
    return value + number / 10


def _bounds(schema: JSONObject, *, is_integer: bool) -> tuple[float, float]:
    """Return the lowest and the highest value that are allowed, exclusive bounds left out."""
    lowest, highest = -math.inf, math.inf
    for key, sign in (("minimum", 0), ("exclusiveMinimum", 1)):
        bound = schema.get(key)
        if isinstance(bound, int | float):
            lowest = max(lowest, bound + sign * (1 if is_integer else _little(schema)))
    for key, sign in (("maximum", 0), ("exclusiveMaximum", 1)):
        bound = schema.get(key)
        if isinstance(bound, int | float):
            highest = min(highest, bound - sign * (1 if is_integer else _little(schema)))
    return lowest, highest


def _little(schema: JSONObject) -> float:
    """Return a step that stays between the two bounds."""
    lower = schema.get("exclusiveMinimum", schema.get("minimum"))
    upper = schema.get("exclusiveMaximum", schema.get("maximum"))
    if isinstance(lower, int | float) and isinstance(upper, int | float):
        return (upper - lower) / 2
    return 1.0


def _count(value: JSONValue) -> int:
    return value if isinstance(value, int) else 0


def _list(value: JSONValue) -> Sequence[JSONValue]:
    return value if isinstance(value, list) else ()


def _mapping(value: JSONValue) -> JSONObject:
    return value if isinstance(value, dict) else {}

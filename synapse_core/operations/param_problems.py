"""Says what is wrong with params, in words that help to correct them, and corrects them."""

import json
import math
from collections.abc import Mapping, Sequence

from pydantic_core import ErrorDetails, ValidationError

from synapse_core.errors import nearest
from synapse_core.logs.secret_names import is_secret_name
from synapse_core.operations.param_schema import build_validator, resolve
from synapse_core.types import JSONObject, JSONValue

__all__ = ["correct", "find_problems"]

MAX_DEPTH = 100
"""Levels of nesting; what reads JSON gives up not far above."""

_MAX_PROBLEMS = 50
_MAX_GIVEN_CHARS = 200
_MAX_EXAMPLE_CHARS = 2_000
_MAX_SHOWN_CHOICES = 20

_BOUNDS = {
    "minimum": ">= {}",
    "exclusiveMinimum": "> {}",
    "maximum": "<= {}",
    "exclusiveMaximum": "< {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} long",
    "maxLength": "at most {} long",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matching {}",
    "format": "in the form {}",
}
_OF_TEXT = frozenset({"string_too_long", "string_pattern_mismatch"})

_Path = tuple[str | int, ...]


def find_problems(schema: JSONObject, params: JSONObject) -> list[JSONObject]:
    """Return what is wrong with params, one entry for each place; empty when they fit.

    Each has `path` (dotted) and `message`, and where it helps `allowed` and `given`; the value of
    a secret is never told.

    Args:
        schema: JSON schema of the params, as pydantic makes it.
        params: What somebody wants to start an action with.
    """
    problems = _find_no_json(params)
    if problems:
        return problems
    try:
        build_validator(schema).validate_python(params)
    except ValidationError as error:
        details = error.errors(include_url=False)
        return _describe_all([one for one in details if not _is_trimmed(one)], schema, params)
    return []


def correct(schema: JSONObject, params: JSONObject, example: JSONObject) -> JSONObject:
    """Return the params with what is wrong replaced, or the example when that is not enough.

    A misspelt key becomes the one that was meant; wrong and missing values come from the example.

    Args:
        schema: JSON schema of the params.
        params: What does not fit it.
        example: Params that do.
    """
    properties = _read_properties(schema)
    wrong = {str(problem["path"]).partition(".")[0] for problem in find_problems(schema, params)}
    corrected: JSONObject = {}
    for key, value in params.items():
        node = resolve(properties.get(key), schema)
        if key in properties and key not in wrong and not _is_secret(key, node):
            corrected[key] = value
        elif key in wrong and key not in properties:
            meant = _find_meant(key, [name for name in properties if name not in params])
            if meant:
                corrected[meant] = value
    for key in properties:
        is_needed = key in wrong or key in _read_required(schema)
        if is_needed and key not in corrected and key in example:
            corrected[key] = example[key]
    fits = len(_to_text(corrected)) <= _MAX_EXAMPLE_CHARS and not find_problems(schema, corrected)
    return corrected if fits else example


def _find_no_json(params: JSONObject) -> list[JSONObject]:
    """Return what JSON cannot say: numbers that are none, and nesting without end."""
    problems: list[JSONObject] = []
    waiting: list[tuple[_Path, JSONValue]] = [((), params)]
    while waiting and len(problems) < _MAX_PROBLEMS:
        path, value = waiting.pop()
        match value:
            case dict():
                below = [((*path, key), part) for key, part in value.items()]
            case list():
                below = [((*path, number), part) for number, part in enumerate(value)]
            case float() if not math.isfinite(value):
                message = "is no number that JSON knows"
                problems.append({"path": _dotted(path), "message": message, "given": str(value)})
                continue
            case _:
                continue
        if len(path) >= MAX_DEPTH:
            message = f"nests deeper than {MAX_DEPTH} levels"
            return [{"path": _dotted(path[:3]), "message": message}]
        waiting.extend(reversed(below))
    return problems


def _is_trimmed(details: ErrorDetails) -> bool:
    """Whether a text might fit without the space around it, which some models cut off."""
    given = details["input"]
    return details["type"] in _OF_TEXT and isinstance(given, str) and given != given.strip()


def _describe_all(
    errors: Sequence[ErrorDetails], schema: JSONObject, params: JSONObject
) -> list[JSONObject]:
    found: dict[str, JSONObject] = {}
    for details in errors:
        place = _find_place(details, params)
        path = _dotted(place)
        problem = _describe(details, place, schema)
        if path not in found:
            found[path] = problem
        elif str(problem["message"]) not in str(found[path]["message"]):  # a choice of a union each
            found[path]["message"] = f"{found[path]['message']}, or {problem['message']}"
        if len(found) == _MAX_PROBLEMS:
            break
    return list(found.values())


def _find_place(details: ErrorDetails, params: JSONObject) -> _Path:
    """Return where in the params it is; the names of choices stand in between."""
    place: list[str | int] = []
    here: JSONValue = params
    location = details["loc"]
    for number, step in enumerate(location):
        below = _step_into(here, step)
        if below is not None:
            (here,) = below
            place.append(step)
        elif details["type"] == "missing" and number == len(location) - 1:
            place.append(step)
    return tuple(place)


def _step_into(value: JSONValue, step: str | int) -> tuple[JSONValue] | None:
    """Return what lies one step below, in a tuple; None when nothing does."""
    match value, step:
        case dict(), str() if step in value:
            return (value[step],)
        case list(), int() if step < len(value):
            return (value[step],)
        case _:
            return None


def _describe(details: ErrorDetails, place: _Path, schema: JSONObject) -> JSONObject:
    path = _dotted(place)
    node = _find_node(schema, place)
    match details["type"]:
        case "extra_forbidden":
            known = list(_read_properties(_find_node(schema, place[:-1]), schema))
            guess = nearest(str(place[-1]), known)
            problem: JSONObject = {"path": path, "message": f"there is no such param. {guess}"}
            problem["message"] = str(problem["message"]).strip()
            problem["allowed"] = [*known] if known else "no params"
        case "missing":
            problem = {"path": path, "message": "is required"}
        case _:
            message = details["msg"].removeprefix("Input ")
            problem = {"path": path, "message": message[:1].lower() + message[1:]}
    allowed = _describe_allowed(node)
    if allowed and "allowed" not in problem:
        problem["allowed"] = allowed
    if details["type"] != "missing" and not any(
        _is_secret(place[n - 1], _find_node(schema, place[:n])) for n in range(1, len(place) + 1)
    ):
        problem["given"] = _shorten(details["input"])
    return problem


def _find_node(schema: JSONObject, place: _Path) -> JSONObject:
    """Return the part of the schema that a value must meet; empty where several might be meant."""
    node = resolve(schema, schema)
    for step in place:
        inner: JSONValue = None
        if isinstance(step, int):
            inner = node.get("items")
        else:
            inner = _read_properties(node, schema).get(step, node.get("additionalProperties"))
        node = _pick(resolve(inner, schema), schema)
    return node


def _pick(node: JSONObject, schema: JSONObject) -> JSONObject:
    """Return the only choice beside null, when there is one."""
    choices = node.get("anyOf")
    if isinstance(choices, list):
        others = [choice for choice in choices if choice != {"type": "null"}]
        if len(others) == 1:
            return resolve(others[0], schema)
    return node


def _read_properties(node: JSONObject, schema: JSONObject | None = None) -> JSONObject:
    properties = resolve(node, schema or node).get("properties")
    return properties if isinstance(properties, dict) else {}


def _read_required(schema: JSONObject) -> list[JSONValue]:
    required = schema.get("required")
    return required if isinstance(required, list) else []


def _describe_allowed(node: JSONObject) -> str:
    choices = node.get("enum")
    if isinstance(choices, list):
        listed = ", ".join(_to_text(choice) for choice in choices[:_MAX_SHOWN_CHOICES])
        return f"one of {listed}" + (", …" if len(choices) > _MAX_SHOWN_CHOICES else "")
    if "const" in node:
        return _to_text(node["const"])
    kind = node.get("type")
    parts = [kind] if isinstance(kind, str) else []
    parts += [text.format(_shorten(node[key])) for key, text in _BOUNDS.items() if key in node]
    return ", ".join(parts)


def _is_secret(name: str | int, node: Mapping[str, JSONValue]) -> bool:
    """Whether a param is a secret: by what its schema says, or by its name."""
    is_said = bool(node.get("writeOnly")) or node.get("format") == "password"
    return is_said or (isinstance(name, str) and is_secret_name(name))


def _find_meant(key: str, known: Sequence[str]) -> str:
    guess = nearest(key, known)
    return next((name for name in known if repr(name) in guess), "") if guess else ""


def _dotted(path: _Path) -> str:
    return ".".join(str(step) for step in path)


def _shorten(value: JSONValue) -> JSONValue:
    text = value if isinstance(value, str) else _to_text(value)
    if len(text) <= _MAX_GIVEN_CHARS:
        return value
    return f"{text[:_MAX_GIVEN_CHARS]}…"


def _to_text(value: JSONValue) -> str:
    return json.dumps(value, ensure_ascii=False)

"""Says what pydantic found wrong in words that help to correct it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from synapse_core.actions.keys import is_secret, known_keys
from synapse_core.errors import nearest
from synapse_core.runtime.json_safe import json_safe
from synapse_core.types import JSONObject, JSONValue

__all__ = ["find_problems", "tell_problems", "unknown_key"]

_MAX_PROBLEMS = 50
_MAX_TOLD = 5
_MAX_GIVEN_CHARS = 200

_BOUNDS = {
    "ge": ">= {}",
    "gt": "> {}",
    "le": "<= {}",
    "lt": "< {}",
    "multiple_of": "a multiple of {}",
    "min_length": "at least {} long",
    "max_length": "at most {} long",
    "pattern": "text that matches {}",
    "expected": "{}",
    "max_digits": "at most {} digits",
    "decimal_places": "at most {} decimal places",
}
"""What pydantic's facts about an error say is allowed."""


def find_problems(
    error: ValidationError, given: object, model: type[BaseModel]
) -> list[JSONObject]:
    """Return what pydantic found wrong, one entry for each place, in words for a caller.

    Args:
        error: What was raised.
        given: What was validated.
        model: The model that it does not meet.
    """
    found: dict[str, JSONObject] = {}
    for details in error.errors(include_url=False):
        place = _real_place(details["loc"], given, is_missing=details["type"] == "missing")
        path = ".".join(str(part) for part in place)
        problem = _describe(details, path, model, place)
        if path not in found:
            found[path] = problem
        elif str(problem["message"]) not in str(found[path]["message"]):  # a member of a union each
            found[path]["message"] = f"{found[path]['message']}, or {problem['message']}"
    return list(found.values())[:_MAX_PROBLEMS]


def _describe(
    details: ErrorDetails, path: str, model: type[BaseModel], place: Sequence[int | str]
) -> JSONObject:
    if details["type"] == "extra_forbidden":
        return unknown_key(path, details["input"], model, is_inner=len(place) > 1)
    if details["type"] == "missing":
        return {"path": path, "message": "is required"}
    message = details["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    problem: JSONObject = {"path": path, "message": message.removeprefix("Input ")}
    facts = details.get("ctx", {})
    allowed = [text.format(facts[key]) for key, text in _BOUNDS.items() if key in facts]
    if allowed:
        problem["allowed"] = " and ".join(allowed)
    # Of a whole object nothing is shown: there may be a secret in it.
    if place and not is_secret(model, str(place[0])):
        problem["given"] = _shorten(details["input"])
    return problem


def unknown_key(
    path: str, given: object, model: type[BaseModel], *, is_inner: bool = False
) -> JSONObject:
    """Return the problem of a key that the model does not know, with the one that may be meant.

    Args:
        path: The key, or the path to it.
        given: Its value.
        model: The model of all params.
        is_inner: Whether the key belongs to a model inside it.
    """
    keys = known_keys(model)
    problem: JSONObject = {"path": path, "message": "does not exist", "given": _shorten(given)}
    if keys is not None and not is_inner:
        problem["message"] = f"there is no such param. {nearest(path, keys)}".rstrip()
        problem["allowed"] = list[JSONValue](sorted(keys))
    return problem


def _real_place(
    location: Sequence[int | str], given: object, *, is_missing: bool
) -> list[int | str]:
    """Return the parts of a location that lie in the input.

    pydantic puts the names of union members and validators in between.
    """
    place: list[int | str] = []
    here = given
    for number, part in enumerate(location):
        inner = _look_into(here, part)
        if inner is not None:
            place.append(part)
            (here,) = inner
        elif is_missing and number == len(location) - 1:
            place.append(part)
    return place


def _look_into(value: object, part: int | str) -> tuple[object] | None:
    """Return what lies at a key or index; None when nothing does."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[Any, object]", value)
        return (pairs[part],) if part in pairs else None
    if isinstance(value, list | tuple) and isinstance(part, int):
        items = cast("Sequence[object]", value)
        return (items[part],) if part < len(items) else None
    return None


def _shorten(value: object) -> JSONValue:
    plain = json_safe(value)
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return plain if len(text) <= _MAX_GIVEN_CHARS else f"{text[:_MAX_GIVEN_CHARS]}…"


def tell_problems(problems: Sequence[Mapping[str, JSONValue]]) -> str:
    """Return problems as one sentence without its full stop."""
    told = [_tell(problem) for problem in problems[:_MAX_TOLD]]
    if len(problems) > _MAX_TOLD:
        told.append(f"and {len(problems) - _MAX_TOLD} more")
    return "; ".join(told)


def _tell(problem: Mapping[str, JSONValue]) -> str:
    path, message = problem.get("path"), problem.get("message")
    text = f"{path}: {message}" if path else str(message)
    if "given" not in problem:
        return text
    return f"{text}, got {json.dumps(problem['given'], ensure_ascii=False)}"

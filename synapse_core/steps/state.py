"""A context's attributes as JSON, so that a later process can go on with them."""

import math
from functools import lru_cache
from typing import Any, TypeGuard, cast, get_type_hints

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter

from synapse_core.types import JSONObject, JSONValue

__all__ = ["UnsavableStateError", "capture", "is_json", "restore"]

MAX_DEPTH = 80
"""What a checkpoint adds around a value still keeps below what every reader of JSON takes."""

_TYPED = "typed"
_VALUES = "values"


class UnsavableStateError(ValueError):
    """Some attributes cannot be saved.

    Attributes:
        names: Each with its type, such as `model (Model)`.
    """

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"{', '.join(names)} cannot be written as JSON")
        self.names = names


def capture(context: object, besides: frozenset[str]) -> JSONObject:
    """Return the attributes of `context`, but those in `besides` and those that begin with `_`.

    What is no JSON value is written as its annotation says, if reading that gives an equal value.

    Raises:
        UnsavableStateError: Some attributes cannot be written without loss.
    """
    values: JSONObject = {}
    typed: list[JSONValue] = []
    lost: list[str] = []
    for name, value in vars(context).items():
        if name in besides or name.startswith("_"):
            continue
        if is_json(value):
            values[name] = value
            continue
        try:
            values[name] = _write(type(context), name, value)
        except ValueError:
            lost.append(f"{name} ({type(value).__name__})")
        typed.append(name)
    if lost:
        raise UnsavableStateError(lost)
    return {_VALUES: values, _TYPED: typed} if typed else {_VALUES: values}


def restore(context: object, state: JSONObject) -> None:
    """Give the context the attributes that `capture` returned.

    Raises:
        ValueError: They do not fit the annotations of the class as it is now.
    """
    values, typed = state.get(_VALUES), state.get(_TYPED, [])
    if not isinstance(values, dict) or not isinstance(typed, list):
        raise TypeError("the saved state is not one that this class saved")
    for name, value in values.items():
        read = _adapter(type(context), name).validate_python(value) if name in typed else value
        setattr(context, name, read)


def is_json(value: object, depth: int = MAX_DEPTH) -> TypeGuard[JSONValue]:
    """Whether JSON gives the value back as it is: no tuples, no NaN, no subclasses."""
    kind = type(value)
    if kind is int or kind is bool or value is None:
        return True
    if kind is str:
        return _is_text(cast("str", value))
    if kind is float:
        return math.isfinite(cast("float", value))
    return depth > 0 and _holds_json(value, kind, depth - 1)


def _holds_json(value: object, kind: type, depth: int) -> bool:
    if kind is list:
        return all(is_json(item, depth) for item in cast("list[object]", value))
    if kind is dict:
        members = cast("dict[object, object]", value)
        # Most results hold nothing, and a generator costs more than the question.
        return not members or all(
            _is_key(key) and is_json(item, depth) for key, item in members.items()
        )
    return False


def _is_key(value: object) -> bool:
    return isinstance(value, str) and type(value) is str and _is_text(value)


def _is_text(value: str) -> bool:
    """Whether UTF-8 can say it: a lone surrogate would come back as something else."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _write(owner: type, name: str, value: object) -> JSONValue:
    """Return the value as JSON that reads back as an equal value of the same type.

    Raises:
        ValueError: There is no such JSON.
    """
    adapter = _adapter(owner, name)
    written = adapter.dump_python(value, mode="json", warnings=False)
    if not is_json(written):
        raise ValueError(name)
    read = adapter.validate_python(written)
    if type(read) is not type(value) or read != value:
        raise ValueError(name)
    return written


@lru_cache(maxsize=256)
def _adapter(owner: type, name: str) -> TypeAdapter[Any]:
    """Return what reads and writes an attribute as its annotation says.

    Raises:
        ValueError: It has none, or one that tells nothing about JSON.
    """
    try:
        return TypeAdapter(get_type_hints(owner)[name])
    except (NameError, KeyError, PydanticSchemaGenerationError, PydanticUserError) as error:
        raise ValueError(name) from error

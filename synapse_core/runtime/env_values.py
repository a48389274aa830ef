"""The text form of a variable's value, and what can be told of it without showing it."""

import json
import os
from collections.abc import Iterable
from datetime import date, time
from typing import cast

from synapse_core.errors import EnvironmentValueError

__all__ = ["kind_of", "number_of", "text_of"]


def text_of(name: object, value: object) -> str:
    """Return the text form of a value.

    Raises:
        EnvironmentValueError: It has none; the message tells its type only.
    """
    match value:
        case str():
            return str.__str__(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list() | tuple():
            items = cast("Iterable[object]", value)
            return json.dumps([text_of(name, item) for item in items], ensure_ascii=False)
        case date() | time():
            return value.isoformat()
        case os.PathLike():
            return os.fsdecode(cast("os.PathLike[str]", value))
        case _:
            raise EnvironmentValueError(
                f"The variable {name!r} is {_type(value)}, which has no text form.",
                hint="Give text, a number, true, false or a list; leave out what is not set.",
                key=str(name),
            )


def _type(value: object) -> str:
    return "null" if value is None else f"a {type(value).__name__}"


def number_of(text: str) -> float | None:
    """Return the number that a text says, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def kind_of(text: str) -> str:
    """Tell what a value looks like, and nothing by which it could be guessed."""
    if not text.strip():
        return "nothing"
    number = number_of(text)
    if number is None:
        return "text"
    return "a number with a fraction" if number % 1 else "a number"

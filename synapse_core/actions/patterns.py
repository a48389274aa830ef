"""Makes a text that matches a regular expression, for examples."""

import re
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, TypeAlias

__all__ = ["text_matching"]

# The standard library parses patterns there and nowhere else; `sre_parse` is its deprecated name.
_parser: Any = import_module("re._parser")

_Parsed: TypeAlias = "Iterable[tuple[object, Any]]"
"""Operations with what belongs to each, as the parser returns them."""

_MAX_REPEATS = 200
_CANDIDATES = "aA1 -_./:#b0@"
_CATEGORIES = {
    "CATEGORY_DIGIT": "1",
    "CATEGORY_SPACE": " ",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_NOT_WORD": "-",
}


def text_matching(pattern: str, *, min_length: int = 0) -> str | None:
    """Return a short text that matches, also as a whole; None when none was found.

    Args:
        pattern: As Python and pydantic know them. Look-arounds and back references are too much.
        min_length: How long the text must at least be, in characters.
    """
    try:
        parsed = _parser.parse(pattern)
        for more in range(min_length + 1):
            text = _join(parsed, more)
            if len(text) >= min_length and re.search(pattern, text):
                return text
    except (re.error, _TooMuchError, RecursionError, OverflowError):
        pass
    return None


class _TooMuchError(Exception):
    """The pattern has a part that nothing is made of here."""


def _join(parsed: _Parsed, more: int) -> str:
    """Return a text for a sequence; `more` asks for longer repeats."""
    parts: list[str] = []
    for op, argument in parsed:
        make = _MAKERS.get(str(op))
        if make is None:
            raise _TooMuchError(op)
        parts.append(make(argument, more))
    return "".join(parts)


def _repeat(argument: tuple[int, int, _Parsed], more: int) -> str:
    least, most, inner = argument
    count = min(int(most), int(least) + more, _MAX_REPEATS)
    return "".join(_join(inner, more) for _ in range(count))


def _not_this(argument: int, _more: int) -> str:
    return next(one for one in _CANDIDATES if ord(one) != argument)


def _one_of(argument: _Parsed, _more: int) -> str:
    """Return a character of a set such as `[a-z]` or `[^/]`."""
    members = [(str(op), value) for op, value in argument]
    if members[0][0] == "NEGATE":
        excluded = re.compile("|".join(map(_as_pattern, members[1:])))
        for one in _CANDIDATES:
            if not excluded.fullmatch(one):
                return one
        raise _TooMuchError("NEGATE")
    op, value = members[0]
    match op:
        case "LITERAL":
            return chr(value)
        case "RANGE":
            return chr(value[0])
        case "CATEGORY":
            return _CATEGORIES[str(value)]
        case _:
            raise _TooMuchError(op)


_MAKERS: dict[str, Callable[[Any, int], str]] = {
    "LITERAL": lambda argument, _: chr(argument),
    "NOT_LITERAL": _not_this,
    "ANY": lambda _argument, _: "a",
    "IN": _one_of,
    "BRANCH": lambda argument, more: _join(argument[1][0], more),
    "SUBPATTERN": lambda argument, more: _join(argument[3], more),
    "MAX_REPEAT": _repeat,
    "MIN_REPEAT": _repeat,
    "POSSESSIVE_REPEAT": _repeat,
    "AT": lambda _argument, _: "",
}


def _as_pattern(member: tuple[str, Any]) -> str:
    op, argument = member
    match op:
        case "LITERAL":
            return re.escape(chr(argument))
        case "RANGE":
            return f"[{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}]"
        case "CATEGORY":
            letter = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}[str(argument).rpartition("_")[2]]
            return "\\" + (letter.upper() if "_NOT_" in str(argument) else letter)
        case _:
            raise _TooMuchError(op)

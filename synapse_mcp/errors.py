"""Errors as text that lets an agent correct its next call.

Clients show a model only the text of a failed call, so everything is in it: a stable code, what
happened and why, the fix, and an example of a call that works. Nothing of an unexpected exception
leaves the server; it goes to the log on stderr.
"""

import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TypeGuard

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from synapse_core.errors import InvalidInputError, SynapseError, nearest
from synapse_core.logs.secret_names import is_secret_name
from synapse_core.types import JSONObject, JSONValue
from synapse_mcp.advice import advice_for, as_call

__all__ = [
    "InvalidArgumentsError",
    "ResultTooLargeError",
    "ToolNotFoundError",
    "UnknownResourceError",
    "arguments_error",
    "clip",
    "error_text",
    "internal_error_text",
    "well_formed",
]

_MAX_CHARS = 2_000
_MAX_MESSAGE = 800
_MAX_FIX = 400
_MAX_PROBLEMS = 8
_MAX_VALUE_CHARS = 120


class InvalidArgumentsError(InvalidInputError):
    """A tool or prompt was called with arguments that do not meet its schema."""

    code = "invalid_arguments"


class ToolNotFoundError(InvalidInputError):
    """No tool has this name, or the server was started without it."""

    code = "tool_not_found"


class UnknownResourceError(InvalidInputError):
    """No resource has this URI, or a part of it is not safe."""

    code = "resource_not_found"


class ResultTooLargeError(InvalidInputError):
    """What was asked for does not fit into one result."""

    code = "result_too_large"


def error_text(
    error: SynapseError, *, example: str = "", tools: AbstractSet[str] | None = None
) -> str:
    """Return the text of a failed call: code and what happened, then the fix, then an example.

    Args:
        error: What was raised on purpose.
        example: A call that would work, better than the one known for the code; may be empty.
        tools: Names of the tools that an example may call; None for all.
    """
    advice = advice_for(error.code)
    head = clip(f"[{error.code}] {error.message.strip()}", _MAX_MESSAGE)
    end = f"\nFix: {clip(error.hint.strip() or advice.fix, _MAX_FIX)}"
    shown = example or advice.example({})
    if tools is not None and shown.partition(" ")[0] not in tools:
        shown = ""
    if shown and len(head) + len(end) + len(shown) < _MAX_CHARS:  # a part of a call helps nobody
        end += f"\nExample: {shown}"
    left = _MAX_CHARS - len(head) - len(end)
    return well_formed(
        head + clip("".join(f"\n{line}" for line in _places(error.data)), left) + end
    )


def internal_error_text(where: str) -> str:
    """Return the text for an exception nobody foresaw; its own words stay in the server's log."""
    return (
        f"[internal_error] {where} failed inside Synapse. This is a fault of Synapse, "
        "not of your call.\n"
        "Fix: Try once more; if it fails again, tell the user to look at the server's stderr.\n"
        "Example: env_doctor {}"
    )


def arguments_error(
    name: str, error: ValidationError, known: Iterable[str], example: JSONObject
) -> InvalidArgumentsError:
    """Translate what pydantic found wrong with the arguments of `name` into our words."""
    names = list(known)
    problems = [_problem(details, names) for details in error.errors(include_url=False)]
    listed = "\n".join(f"- {problem}" for problem in problems[:_MAX_PROBLEMS])
    more = len(problems) - _MAX_PROBLEMS
    rest = f"\n- and {more} more" if more > 0 else ""
    count = "a wrong argument" if len(problems) == 1 else f"{len(problems)} wrong arguments"
    return InvalidArgumentsError(
        f"{name} got {count}; nothing was done.\n{listed}{rest}",
        hint=f"Correct them and call again. Arguments of {name}: {', '.join(names) or 'none'}.",
        example=as_call(name, example),
    )


def clip(text: str, max_chars: int) -> str:
    """Return `text`, cut with a mark when it is longer than `max_chars`."""
    return text if len(text) <= max_chars else f"{text[: max_chars - 2]} …"


def well_formed(text: str) -> str:
    """Return `text` without lone surrogates, which no UTF-8 frame can carry.

    They come from file names that are not UTF-8; one in a frame would end the connection.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def _problem(details: ErrorDetails, known: list[str]) -> str:
    path = ".".join(str(part) for part in details["loc"])
    if details["type"] == "extra_forbidden":
        return f"{path}: there is no such argument. {nearest(path, known)}".rstrip()
    if details["type"] == "missing":
        return f"{path}: is required"
    message = details["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if any(isinstance(part, str) and is_secret_name(part) for part in details["loc"]):
        return f"{path}: {message}"
    given = clip(repr(details["input"]), _MAX_VALUE_CHARS)
    return f"{path}: {message}; got {given}" if path else f"{message}; got {given}"


def _places(data: Mapping[str, JSONValue]) -> list[str]:
    """Return one line for each problem or diagnostic that an error lists beside its message."""
    lines: list[str] = []
    for key in ("problems", "diagnostics"):
        found = data.get(key)
        if not isinstance(found, list):
            continue
        told = [_place(item) for item in found if _is_object(item)]
        lines += [f"- {line}" for line in told[:_MAX_PROBLEMS] if line]
        if len(told) > _MAX_PROBLEMS:
            lines.append(f"- and {len(told) - _MAX_PROBLEMS} more")
    return lines


def _place(item: Mapping[str, JSONValue]) -> str:
    path = str(item.get("path") or item.get("key") or "")
    line = f" (line {item['line']})" if item.get("line") else ""
    parts = [f"{path}{line}: {item.get('message', '')}".lstrip(": ")]
    if item.get("allowed"):
        parts.append(f"allowed: {_short(item['allowed'])}")
    if "given" in item:
        parts.append(f"got {_short(item['given'])}")
    return "; ".join(parts)


def _short(value: JSONValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return clip(text, _MAX_VALUE_CHARS)


def _is_object(value: JSONValue) -> TypeGuard[dict[str, JSONValue]]:
    return isinstance(value, dict)

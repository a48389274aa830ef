"""The kinds of values that a manifest has, and why one is refused."""

import keyword
import math
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from synapse_core.model.resource_names import explain_bad_resource
from synapse_core.plugins.layout import split_entrypoint
from synapse_core.plugins.names import explain_bad_name, suggest_name

__all__ = [
    "Amount",
    "Entrypoint",
    "FieldFault",
    "FilledLine",
    "InnerPath",
    "Line",
    "Megabytes",
    "Name",
    "ResourceName",
    "Seconds",
    "TaskName",
    "Text",
    "VariableName",
    "shown",
]

MAX_LINE_CHARS = 200
MAX_TEXT_CHARS = 10_000
MAX_SECONDS = 366 * 86_400
MAX_MEGABYTES = 1 << 24

_SHOWN_CHARS = 60
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TASK = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?\s*(?:ms|s|m|h|d)\s*)+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])(?:i?B)?", re.IGNORECASE)
_UNIT_MEGABYTES = {"K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2}


class FieldFault(ValueError):  # noqa: N818 pydantic wants a ValueError; `Error` stands in its base
    """A value cannot be used; `fix` says what can.

    Args:
        message: What is wrong, as the rest of a sentence that begins with the key.
        fix: What to write instead.
    """

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


def shown(value: object) -> str:
    """Return the value for a message: short, on one line, harmless on a terminal."""
    text = repr(value) if not isinstance(value, str) or value.isprintable() else ascii(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"


def _check_name(name: str) -> str:
    reason = explain_bad_name(name)
    if reason:
        suggested = suggest_name(name)
        fix = f"Use for example `{suggested}`." if suggested else "Choose another name."
        raise FieldFault(f"cannot be {shown(name)}: {reason}", fix)
    return name


def _check_line(text: str) -> str:
    _refuse_long(text, MAX_LINE_CHARS)
    if "\n" in text.strip() or "\t" in text or _CONTROL.search(text):
        raise FieldFault("breaks the line or holds control characters", "Write one line of text.")
    return text.strip()


def _check_filled_line(text: str) -> str:
    line = _check_line(text)
    if not line:
        raise FieldFault("is empty", "Write something, or leave the key out where it may be.")
    return line


def _check_text(text: str) -> str:
    _refuse_long(text, MAX_TEXT_CHARS)
    if _CONTROL.search(text):
        raise FieldFault("holds control characters", "Remove them.")
    return text.strip()


def _refuse_long(text: str, most: int) -> None:
    if len(text) > most:
        raise FieldFault(
            f"has {len(text)} characters, and at most {most} are allowed",
            "Say the most important; the rest belongs in README.md.",
        )


def _check_entrypoint(text: str) -> str:
    module, attribute = split_entrypoint(text)
    parts = [*module.split("."), attribute]
    if all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        return f"{module}:{attribute}"
    named = f"{module}.{attribute}" if module else attribute
    path = re.sub(r"\.py\b", "", named).replace("/", ".").replace("\\", ".").strip(".")
    guess = path.rpartition(".")
    is_better = guess[0] and all(part.isidentifier() for part in path.split("."))
    example = f"{guess[0]}:{guess[2]}" if is_better else "my_plugin.train:TrainAction"
    raise FieldFault(
        f"is {shown(text)}, which names no class or function of a module",
        f"Write `module:attribute`, such as `{example}`.",
    )


def _check_inner_path(text: str) -> str:
    path = PurePosixPath(text)
    is_inner = not path.is_absolute() and ".." not in path.parts and "\\" not in text
    if not text or not is_inner or _CONTROL.search(text):
        raise FieldFault(
            f"is {shown(text)}, which is no path inside the plugin",
            "Give a path relative to the plugin's folder, without `..`.",
        )
    return str(path)


def _check_variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise FieldFault(
            f"has the name {shown(name)}, which no variable can have",
            "Use letters, digits and `_`, no digit first.",
        )
    return name


def _check_resource(name: str) -> str:
    reason = explain_bad_resource(name)
    if reason:
        raise FieldFault(
            f"is no name for a further resource: {reason}",
            "Write the name that nodes of the cluster have for it, such as `fpga`.",
        )
    return name


def _check_task(name: str) -> str:
    if not _TASK.fullmatch(name):
        raise FieldFault(
            f"is {shown(name)}, which is no task", "Write `data.kind`: `image.object_detection`."
        )
    return name


def _parse_seconds(value: object) -> float:
    fix = "Write seconds, or a number with a unit: 90, 500ms, 10m, 1h30m, 2d."
    if isinstance(value, str) and _DURATION.fullmatch(value.strip()):
        parts = _DURATION_PART.findall(value)
        return _within(sum(float(n) * _UNIT_SECONDS[unit] for n, unit in parts), MAX_SECONDS, fix)
    return _within(_as_number(value, "no length of time", fix), MAX_SECONDS, fix)


def _parse_megabytes(value: object) -> int:
    fix = "Write MiB, or a number with a unit: 2048, 512M, 2G."
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is not None:
        megabytes = float(found[1]) * _UNIT_MEGABYTES[found[2].upper()]
    else:
        megabytes = _as_number(value, "no size of memory", fix)
    return math.ceil(_within(megabytes, MAX_MEGABYTES, fix))


def _parse_amount(value: object) -> float:
    fix = "Write how many, such as 2 or 0.5."
    number = _as_number(value, "no number", fix)
    if not 0 <= number <= MAX_LINE_CHARS * 100:
        raise FieldFault(f"is {shown(value)}, which no machine has", fix)
    return number


def _as_number(value: object, what: str, fix: str) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise FieldFault(f"is {shown(value)}, which is {what}", fix) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldFault(f"is {shown(value)}, which is {what}", fix)
    return _finite(value, what, fix)


def _finite(value: float, what: str, fix: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise FieldFault(f"is {shown(value)}, which is {what}", fix)
    return number


def _within(number: float, most: float, fix: str) -> float:
    if not 0 < number <= most:
        raise FieldFault(f"is {number:g}, and allowed is more than 0 up to {most}", fix)
    return number


def _before(check: Callable[[object], Any]) -> BeforeValidator:
    return BeforeValidator(check)


Name = Annotated[str, AfterValidator(_check_name)]
"""What goes into paths, URIs and commands."""

Line = Annotated[str, AfterValidator(_check_line)]
"""One line of text."""

FilledLine = Annotated[str, AfterValidator(_check_filled_line)]
"""One line of text that is not empty."""

Text = Annotated[str, AfterValidator(_check_text)]
"""Text of any number of lines."""

Entrypoint = Annotated[str, AfterValidator(_check_entrypoint)]
"""`module:attribute`; `module.attribute` becomes that."""

InnerPath = Annotated[str, AfterValidator(_check_inner_path)]
"""Path below the plugin's folder."""

VariableName = Annotated[str, AfterValidator(_check_variable)]
ResourceName = Annotated[str, AfterValidator(_check_resource)]
TaskName = Annotated[str, AfterValidator(_check_task)]

Seconds = Annotated[float, _before(_parse_seconds)]
"""Seconds as a number, or text such as `10m`."""

Megabytes = Annotated[int, _before(_parse_megabytes)]
"""MiB as a number, or text such as `2G`."""

Amount = Annotated[float, _before(_parse_amount), Field(ge=0)]
"""How many, possibly a fraction."""

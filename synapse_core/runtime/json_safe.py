"""Makes a JSON value of anything, for logs: what an action reports must never make it fail."""

import dataclasses
import math
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time, timedelta
from enum import Enum
from itertools import islice
from types import NoneType
from typing import Any, cast

from synapse_core.types import JSONObject, JSONValue

__all__ = ["json_safe", "json_safe_object", "safe_repr", "well_formed"]

_MAX_DEPTH = 20
_MAX_VALUES = 10_000
"""Values kept of one object, nested ones included: a log is no place for a data set."""

_MAX_TEXT = 65_536
_MAX_REPR = 1_000
_MAX_INT_BITS = 14_000
"""Python reads and writes decimal integers of up to 4,300 digits; longer ones turn hexadecimal."""


def well_formed(text: str) -> str:
    r"""Return the text with lone surrogates, which UTF-8 cannot say, written as `\udc80`."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def safe_repr(value: object) -> str:
    """Return `repr(value)`, clipped; also when the value's own code fails."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - the code of any class may run here
        return f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return well_formed(_clip(text, _MAX_REPR))


def json_safe_object(data: object) -> JSONObject:
    """Return a mapping as a JSON object; anything else as `{"value": …}`."""
    plain: JSONValue = None
    if type(data) is dict:
        plain = _flat(cast("dict[object, object]", data))
    if plain is None:
        plain = json_safe(cast("object", data))
    return plain if isinstance(plain, dict) else {"value": plain}


def _flat(data: dict[object, object]) -> JSONObject | None:
    """Return a copy of what most logs say: scalars by name; None when it holds anything else."""
    if len(data) > _MAX_VALUES:
        return None
    copy: JSONObject = {}
    try:
        for key, item in data.items():
            convert = _SCALARS.get(type(item))
            if convert is None or type(key) is not str:
                return None
            copy[key if key.isascii() and len(key) <= _MAX_TEXT else _text(key)] = convert(item)
    except RuntimeError:  # somebody changes it meanwhile
        return None
    return copy


def json_safe(value: object) -> JSONValue:
    """Return what JSON can say of the value; never raises.

    Numbers of numpy and torch become numbers, paths and dates text, sets lists, dataclasses and
    models objects; NaN and infinity become the texts `NaN`, `Infinity` and `-Infinity`. What is
    too deep, too long or too strange becomes text that says so.
    """
    convert = _SCALARS.get(type(value))
    return _Copy().of(value, 0) if convert is None else convert(value)


class _Copy:
    """One conversion: counts what it has kept."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _MAX_VALUES

    def of(self, value: object, depth: int) -> JSONValue:
        kind = type(value)
        convert = _SCALARS.get(kind)
        if convert is not None:
            return convert(value)
        if depth >= _MAX_DEPTH:
            return f"<{kind.__name__}, nested too deep>"
        try:
            if kind is dict:
                return self._of_mapping(cast("Mapping[object, object]", value), depth + 1)
            if kind is list:
                return self._of_items(cast("list[object]", value), depth + 1)
            return self._of_other(value, depth + 1)
        except Exception as error:  # noqa: BLE001 - the code of any class may run here
            return f"<{kind.__name__} that cannot be read: {type(error).__name__}>"

    def _of_other(self, value: object, depth: int) -> JSONValue:
        if isinstance(value, str | int | float) and not isinstance(value, Enum):
            return _scalar(value)
        if isinstance(value, Mapping):
            return self._of_mapping(cast("Mapping[object, object]", value), depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._of_items(cast("Iterable[object]", value), depth)
        if isinstance(value, bytes | bytearray | memoryview):
            content = memoryview(cast("bytes", value))
            return _bytes(bytes(content[:_MAX_REPR]), content.nbytes)
        plain = _known(value)
        return safe_repr(value) if plain is value else self.of(plain, depth)

    def _of_mapping(self, mapping: Mapping[object, object], depth: int) -> JSONValue:
        copy: JSONObject = {}
        for key, item in islice(mapping.items(), self._left):
            self._left -= 1
            name = _text(key) if type(key) is str else _name_of(key)
            convert = _SCALARS.get(type(item))
            copy[name] = self.of(item, depth) if convert is None else convert(item)
        if len(copy) < len(mapping) and self._left <= 0:
            copy["…"] = f"{len(mapping) - len(copy)} more"
        return copy

    def _of_items(self, items: Iterable[object], depth: int) -> JSONValue:
        listed = list(items)
        copy: list[JSONValue] = []
        for item in listed:
            if self._left <= 0:
                copy.append(f"… {len(listed) - len(copy)} more")
                break
            self._left -= 1
            copy.append(self.of(item, depth))
        return copy


def _name_of(key: object) -> str:
    return str(_scalar(key)) if isinstance(key, str | int | float) else safe_repr(key)


def _scalar(value: str | float) -> JSONValue:
    """Return the plain scalar for one of a subclass."""
    if isinstance(value, str):
        return _text(str.__str__(value))
    return _float(float(value)) if isinstance(value, float) else _integer(int(value))


def _text(text: str) -> str:
    if len(text) > _MAX_TEXT:
        text = _clip(text, _MAX_TEXT)
    return text if text.isascii() else well_formed(text)


def _integer(value: int) -> int | str:
    return value if value.bit_length() <= _MAX_INT_BITS else hex(value)


def _float(value: float) -> float | str:
    return value if math.isfinite(value) else _name(value)


def _itself(value: JSONValue) -> JSONValue:
    return value


_SCALARS: dict[type, Callable[[Any], JSONValue]] = {
    str: _text,
    int: _integer,
    float: _float,
    bool: _itself,
    NoneType: _itself,
}
"""Asked by the exact type: most of what is ever said is one of these, or a dictionary of them."""


def _name(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _bytes(head: bytes, size: int) -> str:
    if size <= _MAX_REPR:
        return head.decode("utf-8", "backslashreplace")
    return f"<{size} bytes>"


def _known(value: object) -> object:
    """Return a plainer form of well-known kinds of values, or the value itself."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, os.PathLike):
        return os.fsdecode(cast("os.PathLike[str]", value))
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return _converted(value)


def _converted(value: object) -> object:
    """Ask the value itself: arrays and numbers of numpy know `tolist`, models `model_dump`."""
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    shape: object = getattr(value, "shape", ())
    to_list: Callable[[], object] | None = getattr(value, "tolist", None)
    if to_list is not None and isinstance(shape, tuple):
        size = math.prod(cast("tuple[int, ...]", shape))
        return to_list() if size <= _MAX_REPR else f"<{type(value).__name__} of shape {shape}>"
    dump: Callable[[], object] | None = getattr(value, "model_dump", None)
    return value if dump is None else dump()


def _clip(text: str, longest: int) -> str:
    surplus = len(text) - longest
    return text if surplus <= 0 else f"{text[:longest]}… [{surplus} more characters]"

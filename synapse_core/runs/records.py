"""How an event stands in a journal: a line of JSON whose head has one fixed form."""

import contextlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from pydantic_core import from_json, to_json

from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import RunStatus
from synapse_core.types import JSONObject, JSONValue

__all__ = [
    "MAX_HEAD_BYTES",
    "Head",
    "as_recorded",
    "decode_data",
    "encode_data",
    "format_records",
    "is_end",
    "parse_event",
    "parse_head",
]

MAX_HEAD_BYTES = 128
"""What comes before the data is never longer."""

_HEAD = re.compile(
    rb'\{"seq":([1-9]\d{0,17}),"time":(-?\d{1,20}\.\d{6}),"kind":"(\w{1,30})","data":'
)

_KINDS = {kind.value.encode(): kind for kind in EventKind}
_LINES = {
    kind: b'{"seq":%%d,"time":%%d.%%06d,"kind":"%b","data":%%b}\n' % name
    for name, kind in _KINDS.items()
}

_TERMINAL = frozenset(status.value for status in RunStatus if status.is_terminal)

_MAX_DEPTH = 200
"""No reader of JSON, ours or another's, stumbles over values nested so deep."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a line says before its data.

    Attributes:
        seq: Position in the run.
        time: Unix time in seconds.
        kind: What the event tells; None for a kind that only a later version knows.
        size: Bytes before the data.
    """

    seq: int
    time: float
    kind: EventKind | None
    size: int


def format_records(seq: int, time_us: int, kind: EventKind, parts: Sequence[bytes]) -> bytes:
    """Return a line for each of the parts, newlines included.

    Args:
        seq: Number of the first line.
        time_us: Unix time in microseconds, which are quicker to write than a fraction.
        kind: What all of them tell.
        parts: What `encode_data` returned.
    """
    seconds, rest = divmod(time_us, 1_000_000)
    line = _LINES[kind]
    if len(parts) == 1:  # nearly always
        return line % (seq, seconds, rest, parts[0])
    return b"".join(
        [line % (number, seconds, rest, part) for number, part in enumerate(parts, seq)]
    )


def encode_data(data: object) -> bytes:
    """Return the facts of an event as JSON, whatever they hold.

    A number that JSON cannot say becomes its name (`"NaN"`), text that UTF-8 cannot say is
    escaped, and an object becomes its number or its text.
    """
    try:
        return to_json(data, inf_nan_mode="strings", fallback=_plain_object)
    except (ValueError, TypeError, RuntimeError):
        # Not any exception: it may be one with which a signal handler stops the action.
        return to_json(_plain(data, ()), inf_nan_mode="strings")


def as_recorded(value: object) -> JSONValue:
    """Return what a reader of the journal will get for the value."""
    return _decode(encode_data(value))


def decode_data(text: bytes) -> JSONObject:
    """Return the facts of an event again.

    Raises:
        ValueError: They are no object.
    """
    data = _decode(text)
    if not isinstance(data, dict):
        raise ValueError("its data is no object")  # noqa: TRY004 - wrong content, not a wrong type
    return data


def is_end(event: Event) -> bool:
    """Whether the event ends its run, so that nothing may follow it."""
    return event.kind is EventKind.STATUS and str(event.data.get("status")) in _TERMINAL


def parse_head(line: bytes) -> Head:
    """Read the beginning of a line.

    Raises:
        ValueError: It is no event.
    """
    head = _HEAD.match(line)
    if head is None:
        raise ValueError("it does not begin as an event does")
    return Head(int(head[1]), float(head[2]), _KINDS.get(head[3]), head.end())


def parse_event(line: bytes, kinds: frozenset[EventKind] | None = None) -> Event | None:
    """Read a whole line; None for an event of another kind than asked for, or of an unknown one.

    Raises:
        ValueError: It is no event.
    """
    # The same as `parse_head`, without an object for each line that is passed over.
    head = _HEAD.match(line)
    if head is None:
        raise ValueError("it does not begin as an event does")
    kind = _KINDS.get(head[3])
    if kind is None or (kinds is not None and kind not in kinds):
        return None
    if not line.endswith(b"}"):
        raise ValueError("it does not end as an event does")
    return Event(int(head[1]), float(head[2]), kind, decode_data(line[head.end() : -1]))


def _decode(text: bytes) -> JSONValue:
    try:
        return cast("JSONValue", from_json(text))
    except ValueError:
        # The quick reader gives up on deep nesting and on numbers of thousands of digits.
        return cast("JSONValue", json.loads(text, parse_int=_whole_number))


def _whole_number(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # Python refuses to convert more digits than its limit
        return digits


def _plain_object(value: object) -> JSONValue:
    """Return a JSON value for an object that is none: a scalar's number, else its text."""
    with contextlib.suppress(Exception):
        scalar = cast("JSONValue", getattr(value, "item")())  # noqa: B009 - any array library's
        if isinstance(scalar, bool | int | float | str):
            return scalar
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 - an object of the user's code may raise anything
        text = f"<{type(value).__name__}>"
    return _plain_text(text)


def _plain_text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _plain(value: object, above: tuple[int, ...]) -> JSONValue:
    """Copy a value into what JSON can surely say; what holds itself is cut off."""
    match value:
        case None | bool() | int() | float():
            plain: JSONValue = value
        case str():
            plain = _plain_text(value)
        case bytes() | bytearray():
            plain = value.decode("utf-8", "backslashreplace")
        case Mapping() | list() | tuple() | set() | frozenset():
            plain = _plain_inside(cast("Collection[object]", value), above)
        case _:
            plain = _plain_object(value)
    return plain


def _plain_inside(value: Collection[object], above: tuple[int, ...]) -> JSONValue:
    if id(value) in above or len(above) > _MAX_DEPTH:
        return "..."
    above = (*above, id(value))
    if isinstance(value, Mapping):
        pairs = list(cast("Mapping[object, object]", value).items())
        return {_plain_text(str(key)): _plain(inner, above) for key, inner in pairs}
    return [_plain(item, above) for item in list(value)]


# The first call imports what it compares types with, and must not be interrupted by a signal
# handler that raises or records an event: it happens here instead of in the middle of an action.
encode_data({"": object()})

"""What is done to the texts of an event before it is recorded: secrets out, long ones split."""

from types import NoneType
from typing import cast

from synapse_core.logs.redact import Redactor
from synapse_core.model.event import EventKind
from synapse_core.runs.records import as_recorded, encode_data
from synapse_core.types import JSONObject

__all__ = ["MAX_TEXT_CHARS", "encode_parts", "redact_texts"]

MAX_TEXT_CHARS = 1 << 16
"""A longer log text goes on in further events, so that nobody who reads lines meets a huge one."""

_OWN_WORDS = frozenset({"level", "source", "status", "transition"})
"""Keys whose values are words of Synapse. A secret may happen to be one of them; who reads the
journal depends on the word."""

_NAMES = frozenset({"category", "event", "logger", "name"})
"""Keys whose values come again and again."""

_WHOLE_LINE = ("event", "fields", "offset")
"""Keys that belong to the whole text, and so to its last part."""


_NUMBERS = (int, float)  # a union would be built at each question
_SCALARS = frozenset({str, int, float, bool, NoneType})

_PLAIN_DEPTH = 4
"""What is nested deeper, perhaps without end, takes the slower way."""


def redact_texts(data: JSONObject, redactor: Redactor) -> JSONObject:
    """Return the facts of an event without secrets, and with plain texts in place of members."""
    redacted: JSONObject = {}
    # The message of a structured event is its name, which is no news for long.
    without_secrets = redactor.name if "event" in data else redactor.text
    for key, value in data.items():
        if isinstance(value, str):
            # A member of an enumeration takes six times as long to encode as its text.
            text = value if type(value) is str else str.__str__(value)
            if key in _OWN_WORDS:
                redacted[key] = text
            elif key in _NAMES:
                redacted[key] = redactor.name(text)
            else:
                redacted[key] = without_secrets(text)
        elif value is None or isinstance(value, _NUMBERS):
            redacted[key] = value
        elif _is_plain(value, _PLAIN_DEPTH):
            redacted[key] = redactor.value(value)
        else:
            # What it says in the end counts: an object shows its secret only as text.
            redacted[key] = redactor.value(as_recorded(value))
    return redacted


def _is_plain(value: object, depth: int) -> bool:
    """Whether the value is JSON of the plainest types, so that it will be recorded as it is."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if not depth:
        return False
    if kind is dict:
        for key, inner in cast("dict[object, object]", value).items():
            if type(key) is not str or not (type(inner) in _SCALARS or _is_plain(inner, depth - 1)):
                return False
        return True
    return kind is list and all(
        _is_plain(inner, depth - 1) for inner in cast("list[object]", value)
    )


def encode_parts(kind: EventKind, data: JSONObject) -> list[bytes]:
    """Return the facts as JSON: of one event, or of the several that a long log text takes."""
    encoded = encode_data(data)
    if len(encoded) > MAX_TEXT_CHARS and kind is EventKind.LOG:
        message = data.get("message")
        if isinstance(message, str) and len(message) > MAX_TEXT_CHARS:
            return [encode_data(part) for part in _split(data, message)]
    return [encoded]


def _split(data: JSONObject, message: str) -> list[JSONObject]:
    """Return the facts of several events that say `more` but for the last."""
    head = {key: value for key, value in data.items() if key not in _WHOLE_LINE}
    starts = range(0, len(message), MAX_TEXT_CHARS)
    parts: list[JSONObject] = [
        {**head, "message": message[start : start + MAX_TEXT_CHARS], "more": True}
        for start in starts[:-1]
    ]
    return [*parts, {**data, "message": message[starts[-1] :]}]

"""What is done to the texts of an event before it is recorded: secrets out, long ones split."""

from synapse_core.logs.redact import Redactor
from synapse_core.model.event import EventKind
from synapse_core.runs.records import as_recorded
from synapse_core.types import JSONObject

__all__ = ["MAX_TEXT_CHARS", "redact_texts", "split_long_text"]

MAX_TEXT_CHARS = 1 << 16
"""A longer log text goes on in further events, so that nobody who reads lines meets a huge one."""

_OWN_WORDS = frozenset({"level", "source", "status", "transition"})
"""Keys whose values are words of Synapse. A secret may happen to be one of them; who reads the
journal depends on the word."""

_WHOLE_LINE = ("event", "fields", "offset")
"""Keys that belong to the whole text, and so to its last part."""


def redact_texts(data: JSONObject, redactor: Redactor) -> JSONObject:
    """Return the facts of an event without secrets."""
    redacted: JSONObject = {}
    for key, value in data.items():
        if isinstance(value, str):
            redacted[key] = value if key in _OWN_WORDS else redactor.text(value)
        elif value is None or isinstance(value, int | float):
            redacted[key] = value
        else:
            # What it says in the end counts: an object shows its secret only as text.
            redacted[key] = redactor.value(as_recorded(value))
    return redacted


def split_long_text(kind: EventKind, data: JSONObject) -> list[JSONObject]:
    """Return the event as it is, or a long log line as several that say `more` but for the last."""
    message = data.get("message")
    if kind is not EventKind.LOG or not isinstance(message, str) or len(message) <= MAX_TEXT_CHARS:
        return [data]
    head = {key: value for key, value in data.items() if key not in _WHOLE_LINE}
    starts = range(0, len(message), MAX_TEXT_CHARS)
    parts: list[JSONObject] = [
        {**head, "message": message[start : start + MAX_TEXT_CHARS], "more": True}
        for start in starts[:-1]
    ]
    return [*parts, {**data, "message": message[starts[-1] :]}]

"""Takes secrets out of what is kept and shown."""

import sys
from collections.abc import Iterable, Mapping

from synapse_core.logs.secret_assignments import hide_assigned
from synapse_core.logs.secret_forms import forms_of
from synapse_core.logs.secret_names import hides_numbers, is_secret_name
from synapse_core.logs.secret_shapes import REDACTED, hide_key_line, hide_shapes
from synapse_core.logs.secret_values import secrets_in, secrets_of_variables
from synapse_core.types import JSONObject, JSONValue

__all__ = ["REDACTED", "Redactor"]

_MAX_DEPTH = 100
"""What is nested deeper was made to break readers."""

_NUMBERS = (int, float)  # a union would be built at each question

_LONGEST_NAME = 64
_MOST_NAMES = 1_000
"""Those that come first are remembered: what has more of them than this has no names but data."""

_SHORTEST = 8
"""No shape is shorter, nor a name of a secret with its value."""


class Redactor:
    """Replaces secrets by `[redacted]`: those it was told, and those it knows by name or shape.

    Redacting twice changes nothing more. What holds no secret comes back as the same object.

    Args:
        secrets: Texts to hide wherever they turn up, plain or encoded; those of fewer than six
            characters are left out, since they turn up by chance.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in forms_of(secret)}
        self._look_for({form for form in forms if form not in REDACTED})

    @classmethod
    def for_environment(cls, environ: Mapping[str, str]) -> "Redactor":
        """Return one that hides what the variables keep secret, by their names or in URLs."""
        return cls(secrets_of_variables(environ))

    @classmethod
    def for_run(cls, environ: Mapping[str, str], params: JSONObject) -> "Redactor":
        """Return one that hides what a run was given in confidence: by variables or by params."""
        return cls([*secrets_of_variables(environ), *secrets_in(params)])

    def knowing(self, secrets: Iterable[str]) -> "Redactor":
        """Return one that hides these secrets, too."""
        more = Redactor(secrets)
        more._look_for({*self._forms, *more._forms})
        return more

    def _look_for(self, forms: set[str]) -> None:
        # The longest first: another may be a part of it.
        self._forms = tuple(sorted(forms, key=len, reverse=True))
        self._shortest = len(self._forms[-1]) if forms else sys.maxsize
        self._names: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Return the text without secrets; a text that cannot hold any costs a microsecond."""
        if len(text) >= self._shortest:
            text = self._without_known(text)
        if len(text) < _SHORTEST:
            return text
        return hide_key_line(hide_assigned(hide_shapes(text)))

    def name(self, name: str) -> str:
        """Return what `text` does; quicker, as names come again and again."""
        told = self._names.get(name)
        if told is None:
            told = self.text(name)
            if len(name) <= _LONGEST_NAME and len(self._names) < _MOST_NAMES:
                self._names[name] = told
        return told

    def source(self, text: str) -> str:
        """Return the text without secrets that are known or have the shape of one.

        For schemas, code and calls: `token: str` is no secret there, nor is what an example gives
        as `api_key`.
        """
        text = self._without_known(text)
        return hide_shapes(text) if len(text) >= _SHORTEST else text

    def _without_known(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, REDACTED)
        return text

    def value(self, value: JSONValue) -> JSONValue:
        """Return the value without secrets in its texts, and below keys that name secrets.

        Truth values and nulls stay. `{"name": "API_KEY", "value": …}` and `["--token", …]` are
        seen too.
        """
        return self._value(value, _MAX_DEPTH)

    def _value(self, value: JSONValue, depth: int) -> JSONValue:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self._object(value, depth - 1) if depth else REDACTED
        if isinstance(value, list):
            return self._list(value, depth - 1) if depth else REDACTED
        return value

    def _object(self, value: dict[str, JSONValue], depth: int) -> JSONValue:
        is_pair = "value" in value and _names_a_secret(value)
        told: dict[str, JSONValue] = {}
        for key, item in value.items():
            # Names come with each event, and a call takes as long as the look.
            name = self._names.get(key) or self.name(key)
            if is_secret_name(key):
                told[name] = _hide_all(item, depth, numbers=hides_numbers(key))
            elif is_pair and key == "value":
                told[key] = _hide_all(item, depth, numbers=True)
            elif isinstance(item, _NUMBERS):
                told[name] = item
            else:
                told[name] = self._value(item, depth)
        return told

    def _list(self, value: list[JSONValue], depth: int) -> JSONValue:
        told: list[JSONValue] = []
        is_told_next = False
        for item in value:
            if is_told_next and isinstance(item, str) and not item.startswith("-"):
                told.append(REDACTED)
            else:
                told.append(self._value(item, depth))
            is_told_next = isinstance(item, str) and _is_secret_flag(item)
        return told


def _names_a_secret(pair: dict[str, JSONValue]) -> bool:
    named = pair.get("name", pair.get("key"))
    return isinstance(named, str) and is_secret_name(named)


def _is_secret_flag(text: str) -> bool:
    return text.startswith("--") and "=" not in text and is_secret_name(text.lstrip("-"))


def _hide_all(value: JSONValue, depth: int, *, numbers: bool) -> JSONValue:
    """Keep the structure, which helps to find a mistake, and nothing of its leaves."""
    match value:
        case None | bool() | "":
            return value
        case dict() if depth:
            return {key: _hide_all(item, depth - 1, numbers=numbers) for key, item in value.items()}
        case list() if depth:
            return [_hide_all(item, depth - 1, numbers=numbers) for item in value]
        case int() | float() if not numbers:
            return value
        case _:
            return REDACTED

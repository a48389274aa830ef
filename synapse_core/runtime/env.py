"""The variables an action may read."""

import json
import math
import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar, overload

from synapse_core.errors import EnvironmentKeyError, EnvironmentValueError, nearest
from synapse_core.runtime.env_file import read_variables
from synapse_core.runtime.env_values import kind_of, number_of, text_of

__all__ = ["PluginEnvironment"]

D = TypeVar("D")

_REQUIRED: Final[Any] = object()
_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_SHOWN_NAMES = 20


class PluginEnvironment(Mapping[str, str]):
    """Variables by name, all of them text, like those of a process.

    Numbers, booleans and dates become text as TOML writes them, lists become JSON arrays, and the
    typed getters read them back: an action sees the same whether a variable was set in a shell, in
    a file or by a caller. Errors and `repr` name variables and never show a value.

    Args:
        variables: Values by name. What cannot be text raises.

    Raises:
        EnvironmentValueError: A value is null, an object, or of a type that has no text form.
    """

    def __init__(self, variables: Mapping[str, object] | None = None) -> None:
        self._values = {name: text_of(name, value) for name, value in (variables or {}).items()}

    @classmethod
    def from_environ(
        cls, prefix: str = "", *, environ: Mapping[str, str] | None = None
    ) -> "PluginEnvironment":
        """Return the process's variables that begin with `prefix`, named without it.

        Args:
            prefix: `PLUGIN_` makes `API_KEY` of `PLUGIN_API_KEY`; empty takes all.
            environ: Variables to take instead of the process's own.
        """
        source = os.environ if environ is None else environ
        return cls(
            {
                name.removeprefix(prefix): value
                for name, value in source.items()
                if name.startswith(prefix) and name != prefix
            }
        )

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> "PluginEnvironment":
        """Return the values of a TOML file.

        A key in a table is named as TOML itself writes it with dots: `host` below `[database]` is
        `database.host`.

        Raises:
            StorageError: The file is not there, or cannot be read.
            InvalidInputError: It is no TOML; the message names line and column.
        """
        return cls(read_variables(Path(path)))

    def merge(self: Mapping[str, object], *others: Mapping[str, object]) -> "PluginEnvironment":
        """Return a new environment in which later ones win.

        Works both ways: `env.merge(other)` and `PluginEnvironment.merge(env, other)`.
        """
        merged: dict[str, object] = dict(self)
        for other in others:
            merged.update(other)
        return PluginEnvironment(merged)

    @overload
    def get(self, key: str, default: None = None) -> str | None: ...
    @overload
    def get(self, key: str, default: str | D) -> str | D: ...
    def get(self, key: str, default: object = None) -> object:
        """Return the variable's text, or `default` when it is not set, as any mapping does."""
        return self._values.get(key, default)

    @overload
    def get_str(self, key: str) -> str: ...
    @overload
    def get_str(self, key: str, default: D) -> str | D: ...
    def get_str(self, key: str, default: object = _REQUIRED) -> object:
        """Return the variable's text.

        Raises:
            EnvironmentKeyError: It is not set, and there is no default.
        """
        return self._find(key, default) if key not in self._values else self._values[key]

    @overload
    def get_int(self, key: str) -> int: ...
    @overload
    def get_int(self, key: str, default: D) -> int | D: ...
    def get_int(self, key: str, default: object = _REQUIRED) -> object:
        """Return the variable as a whole number.

        Raises:
            EnvironmentKeyError: It is not set, and there is no default.
            EnvironmentValueError: It is set to something else.
        """
        if key not in self._values:
            return self._find(key, default)
        try:
            return int(self._values[key])
        except ValueError:
            raise self._wrong(key, "a whole number, such as 32") from None

    @overload
    def get_float(self, key: str) -> float: ...
    @overload
    def get_float(self, key: str, default: D) -> float | D: ...
    def get_float(self, key: str, default: object = _REQUIRED) -> object:
        """Return the variable as a finite number.

        Raises:
            EnvironmentKeyError: It is not set, and there is no default.
            EnvironmentValueError: It is set to something else.
        """
        if key not in self._values:
            return self._find(key, default)
        number = number_of(self._values[key])
        if number is None or not math.isfinite(number):
            raise self._wrong(key, "a finite number, such as 0.001")
        return number

    @overload
    def get_bool(self, key: str) -> bool: ...
    @overload
    def get_bool(self, key: str, default: D) -> bool | D: ...
    def get_bool(self, key: str, default: object = _REQUIRED) -> object:
        """Return the variable as yes or no: true, 1, yes, on or false, 0, no, off, in any case.

        Raises:
            EnvironmentKeyError: It is not set, and there is no default.
            EnvironmentValueError: It is set to something else.
        """
        if key not in self._values:
            return self._find(key, default)
        word = self._values[key].strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise self._wrong(key, "one of true, 1, yes, on, false, 0, no, off")

    @overload
    def get_list(self, key: str) -> list[str]: ...
    @overload
    def get_list(self, key: str, default: D) -> list[str] | D: ...
    def get_list(self, key: str, default: object = _REQUIRED) -> object:
        """Return the variable as texts: a JSON array, or words parted by commas.

        Space around a word and empty words are dropped; an empty variable is an empty list.

        Raises:
            EnvironmentKeyError: It is not set, and there is no default.
            EnvironmentValueError: It begins like a JSON array and is none.
        """
        if key not in self._values:
            return self._find(key, default)
        text = self._values[key].strip()
        if not text.startswith("["):
            return [word for part in text.split(",") if (word := part.strip())]
        try:
            items: list[object] = json.loads(text)
        except (ValueError, RecursionError):
            raise self._wrong(key, "words parted by commas, or a JSON array") from None
        return [text_of(key, item) for item in items]

    def to_dict(self) -> dict[str, str]:
        """Return a copy of the variables."""
        return dict(self._values)

    def __getitem__(self, key: str) -> str:
        return self.get_str(key)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        names = ", ".join(islice(self._values, _SHOWN_NAMES))
        surplus = len(self._values) - _SHOWN_NAMES
        return f"<PluginEnvironment: {names or 'empty'}{f' and {surplus} more' * (surplus > 0)}>"

    def _find(self, key: str, default: object) -> object:
        """Return the default of a variable that is not set."""
        if default is not _REQUIRED:
            return default
        same = next((name for name in self._values if name.lower() == key.lower()), None)
        near = f"Did you mean {same!r}?" if same else nearest(key, self._values)
        raise EnvironmentKeyError(
            f"The variable {key!r} is not set.",
            hint=f"{near} Set it for the run, or give a default where it is read.".strip(),
            key=key,
        )

    def _wrong(self, key: str, allowed: str) -> EnvironmentValueError:
        return EnvironmentValueError(
            f"The variable {key!r} holds {kind_of(self._values[key])}, which is not allowed here.",
            hint=f"Set it to {allowed}.",
            key=key,
            allowed=allowed,
        )

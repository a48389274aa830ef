"""Changes the configuration, keeping comments, order and keys that nobody knows."""

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from synapse_core.config.atomic import lock_file, write_atomically
from synapse_core.config.environments import (
    Environment,
    check_environment_name,
    check_service_url,
    check_variables,
)
from synapse_core.config.settings import Settings, load_settings, parse_settings
from synapse_core.errors import ConfigError, StorageError

__all__ = ["SettingsEditor", "edit_settings"]

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_WIDTH = 4096
"""Lines are never folded: a long value stays on its line."""

_INDENTED_KEY = re.compile(r"^[^\s#-][^\n]*\n(?:[ ]*#[^\n]*\n)*([ ]+)[^\s#-]", re.MULTILINE)
_INDENTED_ITEM = re.compile(r"^[^\s#-][^\n]*\n(?:[ ]*#[^\n]*\n)*([ ]+)- ", re.MULTILINE)

_HEADING = "# Configuration of Synapse; `synapse env` and `synapse plugin register` change it.\n"


class SettingsEditor:
    """The configuration while it is changed; nothing is written before the end of the change."""

    def __init__(self, document: dict[str, Any], settings: Settings) -> None:
        self._document = document
        self.settings = settings
        """As it was before the change."""

    def put_environment(self, environment: Environment) -> None:
        """Add the environment, or replace what it says; its unknown keys and comments stay.

        Raises:
            ConfigError: A name, URL or variable cannot be used.
        """
        name = check_environment_name(environment.name)
        url = environment.service_url
        given: dict[str, Any] = {
            "service_url": check_service_url(url) if url is not None else None,
            "token": environment.token,
            "token_variable": environment.token_variable,
            "variables": check_variables(environment.variables) or None,
        }
        environments = self._below("environments")
        if environments.get(name) is None:  # also `dev:` with nothing below it
            environments[name] = {}
        place: dict[str, Any] = environments[name]
        for key, value in given.items():
            if value is None:
                place.pop(key, None)
            elif key == "variables" and place.get(key):
                _update(place[key], value)
            else:
                place[key] = value

    def remove_environment(self, name: str) -> None:
        """Remove the environment; when it was the active one, none is active any more."""
        environments = self._below("environments")
        environments.pop(name, None)
        if not environments:
            del self._document["environments"]
        if self._document.get("environment") == name:
            del self._document["environment"]

    def activate(self, name: str | None) -> None:
        """Make the environment the active one; None for no active one."""
        if name is None:
            self._document.pop("environment", None)
        else:
            self._document["environment"] = name

    def put_folders(self, folders: list[str]) -> None:
        """Make these the registered plugin folders; lines that stay keep their comments."""
        kept: list[Any] = self._document.get("plugins") or []
        if not folders:
            self._document.pop("plugins", None)
        elif not kept:
            self._document["plugins"] = folders
        else:
            for index in reversed(range(len(kept))):
                if kept[index] not in folders:
                    del kept[index]
            kept.extend(folder for folder in folders if folder not in kept)

    def listed_folders(self) -> list[str]:
        """Return the registered folders as they are written."""
        listed: list[Any] = self._document.get("plugins") or []
        return [str(folder) for folder in listed]

    def _below(self, key: str) -> dict[str, Any]:
        if self._document.get(key) is None:
            self._document[key] = {}
        return self._document[key]


@contextmanager
def edit_settings(file: Path) -> Generator[SettingsEditor]:
    """Change the configuration: whole, or, when the body or a check fails, not at all.

    Concurrent changes follow one another; each sees the one before.

    Raises:
        ConfigError: The file cannot be read, or the change would break it.
        StorageError: It cannot be written, or another process holds it.
    """
    _ensure_folder(file.parent)
    with lock_file(file):
        settings = load_settings(file)
        before = file.read_text(encoding="utf-8-sig") if file.exists() else ""
        yaml = _round_trip(before)
        loaded = _load(yaml, before, file)
        document: dict[str, Any] = {} if loaded is None else loaded
        yield SettingsEditor(document, settings)
        # A text of nothing but comments has no document that could carry them.
        comments = "" if loaded is not None else before or _HEADING
        text = comments + _dump(yaml, document)
        _check_readable(text, file)
        write_atomically(file, text.encode(), mode=_FILE_MODE)


def _update(place: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key in [key for key in place if key not in values]:
        del place[key]
    for key, value in values.items():
        if str(place.get(key)) != value:  # else its quotes and its comment stay as they are
            place[key] = value


def _round_trip(text: str) -> Any:  # noqa: ANN401 ruamel's own class, which has no useful types
    # 20 ms to import, and only a change needs it.
    from ruamel.yaml import YAML  # noqa: PLC0415 (see above)

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    key, item = _INDENTED_KEY.search(text), _INDENTED_ITEM.search(text)
    offset = len(item[1]) if item else 0
    yaml.indent(mapping=len(key[1]) if key else 2, sequence=offset + 2, offset=offset)
    return yaml


def _load(yaml: Any, text: str, file: Path) -> dict[str, Any] | None:  # noqa: ANN401 ruamel's class
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 loaded with the class

    try:
        return yaml.load(text)
    except YAMLError as error:
        # What is read is YAML 1.1, what is edited is YAML 1.2; few texts are one but not the other.
        first = str(error).partition("\n")[0]
        raise ConfigError(
            f"{file} can be read but not changed: {first}.",
            hint="Make the change in an editor.",
            path=str(file),
        ) from error


def _dump(yaml: Any, document: dict[str, Any]) -> str:  # noqa: ANN401 ruamel's own class
    if not document:
        return ""
    stream = StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _check_readable(text: str, file: Path) -> None:
    """Keep what could not be read again from being written."""
    try:
        parse_settings(text, file)
    except ConfigError as error:
        raise ConfigError(
            f"The change would break {file}, so nothing was written: {error.message}",
            hint="Make the change in an editor.",
            path=str(file),
        ) from error


def _ensure_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"Cannot make {folder}: {error.strerror}.",
            hint="Free the path or point SYNAPSE_HOME to a folder you may write.",
            path=str(folder),
        ) from error

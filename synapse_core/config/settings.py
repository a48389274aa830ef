"""Reads the configuration: environments and registered plugin folders.

Only reading; `editing` changes it. What the file may hold:

    environment: dev                  # the active one
    plugins: [~/plugins]              # folders in which plugins are looked for
    environments:
      dev:
        service_url: https://synapse.example.com
        token: …                      # or token_variable: NAME_OF_A_VARIABLE
        variables: {DATA_DIR: /data}
        clusters:                     # Ray clusters for `--on NAME`
          gpu: {address: head:6379, dashboard: http://head:8265, token_variable: GPU_TOKEN}
          far: {address: far:6379, service: http://here:8100, service_token: …}

Keys that nobody knows are kept and reported, never an error: a newer version may have written them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from synapse_core.config.environments import (
    ClusterEntry,
    Environment,
    check_environment_name,
    check_service_url,
    check_variables,
)
from synapse_core.errors import ConfigError, EnvironmentNotFoundError, StorageError, nearest
from synapse_core.types import JSONValue

if TYPE_CHECKING:
    from synapse_core.config.yaml_text import YamlPath, YamlText

__all__ = ["MAX_BYTES", "Settings", "UnknownKey", "load_settings", "parse_settings"]

MAX_BYTES = 1 << 20
"""A configuration is some hundred bytes; a larger file is another one by mistake."""

_TOP_KEYS = ("environment", "plugins", "environments")
_Given = TypeVar("_Given")

_ENVIRONMENT_KEYS = ("service_url", "token", "token_variable", "variables", "clusters")
_CLUSTER_KEYS = (
    "address",
    "dashboard",
    "token",
    "token_variable",
    "service",
    "service_token",
    "service_token_variable",
    "python",
)


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """A key that means nothing to this version.

    Attributes:
        key: Dotted path of the key.
        line: Line, from 1.
        hint: The nearest known key as a question; may be empty.
    """

    key: str
    line: int
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The configuration as read.

    Attributes:
        active: Name of the environment that is used unless another one is named; None for none.
        environments: All of them by name.
        plugin_folders: Registered folders, absolute, also those that do not exist.
        unknown: Keys that mean nothing to this version.
    """

    active: str | None = None
    environments: Mapping[str, Environment] = field(default_factory=dict[str, Environment])
    plugin_folders: tuple[Path, ...] = ()
    unknown: tuple[UnknownKey, ...] = ()

    def environment(self, name: str | None = None) -> Environment | None:
        """Return the named environment, or the active one; None when none is active.

        Raises:
            EnvironmentNotFoundError: There is none of this name.
        """
        wanted = name if name is not None else self.active
        if wanted is None:
            return None
        try:
            return self.environments[wanted]
        except KeyError:
            known = ", ".join(self.environments) or "none"
            raise EnvironmentNotFoundError(
                f"No environment is called {wanted!r}.",
                hint=f"{nearest(wanted, self.environments)} There are: {known}.".strip(),
                environment=wanted,
            ) from None

    @property
    def clusters(self) -> Mapping[str, ClusterEntry]:
        """The Ray clusters of the active environment, by name."""
        environment = self.environment()
        return environment.clusters if environment is not None else {}


def load_settings(file: Path) -> Settings:
    """Return what the file says; empty settings when there is none.

    Raises:
        ConfigError: It is no configuration; names line and column.
        StorageError: It cannot be read.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise StorageError(
            f"Cannot read {file}: {error.strerror}.",
            hint="Correct its permissions, or move it away to begin again.",
            path=str(file),
        ) from error
    if len(content) > MAX_BYTES:
        raise ConfigError(
            f"{file} is larger than {MAX_BYTES} bytes, which no configuration is.",
            hint="Move it away to begin again.",
            path=str(file),
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{file} is no UTF-8 text: byte {error.start} is {content[error.start]:#04x}.",
            hint="Save it as UTF-8, or move it away to begin again.",
            path=str(file),
        ) from error
    return parse_settings(text, file)


def parse_settings(text: str, file: Path) -> Settings:
    """Return what the text of a configuration says.

    Args:
        text: The text.
        file: Where it stands, for messages and for relative folders.

    Raises:
        ConfigError: It is no configuration; names line and column.
    """
    if not text.strip():
        return Settings()
    # Parsing YAML costs 20 ms to import; most installations have no configuration at all.
    from synapse_core.config.yaml_text import parse_yaml  # noqa: PLC0415 (see above)

    return _Reader(parse_yaml(text, source=str(file), error=ConfigError), file).settings()


class _Reader:
    """Turns the YAML into settings, and knows where each thing stands."""

    def __init__(self, document: "YamlText", file: Path) -> None:
        self._document = document
        self._file = file
        self._unknown: list[UnknownKey] = []

    def settings(self) -> Settings:
        """Return the settings."""
        top = self._mapping((), self._document.value)
        self._note_unknown((), top, _TOP_KEYS)
        listed = self._mapping(("environments",), top.get("environments"))
        environments = {name: self._environment(name, value) for name, value in listed.items()}
        return Settings(
            active=self._active(top, environments),
            environments=environments,
            plugin_folders=self._folders(top.get("plugins")),
            unknown=tuple(self._unknown),
        )

    def _active(
        self, top: Mapping[str, JSONValue], environments: Mapping[str, Environment]
    ) -> str | None:
        active = self._text(("environment",), top.get("environment"))
        if active is not None and active not in environments:
            known = ", ".join(environments) or "none"
            hint = f"{nearest(active, environments)} There are: {known}.".strip()
            raise self._fault(("environment",), f"names {active!r}, which is not there", hint)
        return active

    def _folders(self, value: JSONValue) -> tuple[Path, ...]:
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self._fault(("plugins",), "is no list", "Write `plugins: [~/my_plugins]`.")
        folders: list[Path] = []
        for index, item in enumerate(value):
            path = ("plugins", index)
            text = self._text(path, item)
            if not text:
                raise self._fault(path, "is empty", "Name a folder, or remove the line.")
            if "\0" in text:
                raise self._fault(path, "holds a NUL character", "Name a folder.")
            try:
                folder = Path(text).expanduser()
            except RuntimeError as error:
                raise self._fault(path, f"cannot be resolved: {error}", "Name it whole.") from error
            folders.append(self._file.parent / folder)
        return tuple(folders)

    def _environment(self, name: str, value: JSONValue) -> Environment:
        path: YamlPath = ("environments", name)
        self._checked(path, check_environment_name, name)
        given = self._mapping(path, value)
        self._note_unknown(path, given, _ENVIRONMENT_KEYS)
        url = self._text((*path, "service_url"), given.get("service_url"))
        token = self._text((*path, "token"), given.get("token"))
        token_variable = self._text((*path, "token_variable"), given.get("token_variable"))
        if token is not None and token_variable is not None:
            raise self._fault(path, "has both token and token_variable", "Keep one of them.")
        return Environment(
            name=name,
            service_url=url and self._checked((*path, "service_url"), check_service_url, url),
            token=token,
            token_variable=token_variable,
            variables=self._variables((*path, "variables"), given.get("variables")),
            clusters=self._clusters((*path, "clusters"), given.get("clusters")),
        )

    def _clusters(self, path: "YamlPath", value: JSONValue) -> dict[str, ClusterEntry]:
        return {
            name: self._cluster((*path, name), name, item)
            for name, item in self._mapping(path, value).items()
        }

    def _cluster(self, path: "YamlPath", name: str, value: JSONValue) -> ClusterEntry:
        self._checked(path, check_environment_name, name)
        given = self._mapping(path, value)
        self._note_unknown(path, given, _CLUSTER_KEYS)
        texts = {key: self._text((*path, key), given.get(key)) for key in _CLUSTER_KEYS}
        if texts["address"] is None and texts["dashboard"] is None:
            raise self._fault(path, "says nowhere where it is", "Give address, dashboard, or both.")
        for key in ("dashboard", "service"):
            if (url := texts[key]) is not None:
                texts[key] = self._checked((*path, key), check_service_url, url)
        return ClusterEntry(**texts)

    def _variables(self, path: "YamlPath", value: JSONValue) -> dict[str, str]:
        texts = {
            name: self._text((*path, name), item) or ""
            for name, item in self._mapping(path, value).items()
        }
        for name, text in texts.items():
            self._checked((*path, name), check_variables, {name: text})
        return texts

    def _mapping(self, path: "YamlPath", value: JSONValue) -> Mapping[str, JSONValue]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._fault(path, "is no mapping", "Write `key: value` lines below it.")
        return value

    def _text(self, path: "YamlPath", value: JSONValue) -> str | None:
        """Return a word as it was written: `PORT: 0080` and `DEBUG: yes` keep their spelling."""
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, dict | list):
            raise self._fault(path, "is no single value", "Write one word or a quoted text.")
        place = self._document.places.get(path)
        return place.text if place is not None and place.text else str(value)

    def _checked(
        self, path: "YamlPath", check: Callable[[_Given], _Given], value: _Given
    ) -> _Given:
        try:
            return check(value)
        except ConfigError as error:
            raise self._fault(path, f"cannot be used. {error.message}"[:-1], error.hint) from error

    def _note_unknown(
        self, path: "YamlPath", given: Mapping[str, JSONValue], known: tuple[str, ...]
    ) -> None:
        for key in given:
            if key not in known:
                place = self._document.places.get((*path, key))
                dotted = ".".join(str(part) for part in (*path, key))
                line = place.line if place is not None else 0
                self._unknown.append(UnknownKey(dotted, line, nearest(key, known)))

    def _fault(self, path: "YamlPath", what: str, hint: str) -> ConfigError:
        place = self._document.places.get(path)
        key = ".".join(str(part) for part in path) or "the whole text"
        where = f", line {place.line}, column {place.column}" if place is not None else ""
        return ConfigError(
            f"{self._file}{where}: {key} {what}.",
            hint=hint,
            path=str(self._file),
            key=key,
            line=place.line if place is not None else 0,
            column=place.column if place is not None else 0,
        )

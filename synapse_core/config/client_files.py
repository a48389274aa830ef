"""Reads and replaces files that belong to MCP clients.

They hold other servers, comments and secrets of others. So a copy is made before one changes, it
changes whole or not at all, and one that cannot be understood is left alone.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from synapse_core.config.atomic import write_atomically
from synapse_core.config.json_text import parse_json_object, remove_json_value, set_json_value
from synapse_core.config.toml_text import parse_toml, remove_toml_value, set_toml_value
from synapse_core.errors import ConfigError, StorageError
from synapse_core.types import JSONObject, JSONValue

__all__ = ["ClientFile", "FileFormat"]

_FILE_MODE = 0o600
_KEPT_BACKUPS = 20


class FileFormat(StrEnum):
    """How a file is written."""

    JSON = "json"
    TOML = "toml"


@dataclass(frozen=True, slots=True)
class ClientFile:
    """One file of a client; it need not be there."""

    path: Path
    format: FileFormat

    def read(self) -> str:
        """Return its text; empty when there is no file.

        Raises:
            ConfigError: It is no text.
            StorageError: It cannot be read.
        """
        try:
            return self.path.read_bytes().decode("utf-8")
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"{self.path} is no UTF-8 text.",
                hint="Save it as UTF-8; nothing was changed.",
                path=str(self.path),
            ) from error
        except OSError as error:
            raise self._storage_error("read", error) from error

    def parse(self, text: str) -> JSONObject:
        """Return what the text says.

        Raises:
            ConfigError: It is not of this file's format; names line and column.
        """
        if self.format is FileFormat.TOML:
            return parse_toml(text, str(self.path))
        return parse_json_object(text, str(self.path))

    def with_value(self, text: str, path: Sequence[str], value: JSONValue) -> str:
        """Return the text with the value at `path`; unchanged when an equal one is there.

        Raises:
            ConfigError: It is not of this file's format.
        """
        there: JSONValue = self.parse(text)
        for key in path:
            there = there.get(key) if isinstance(there, dict) else None
        if there == value:
            return text  # also keeps the way in which it is written
        if self.format is FileFormat.TOML:
            return set_toml_value(text, path, value, source=str(self.path))
        return set_json_value(text, path, value, source=str(self.path))

    def without_value(self, text: str, path: Sequence[str]) -> str:
        """Return the text without the value at `path`.

        Raises:
            ConfigError: It is not of this file's format.
        """
        if not text:
            return text
        if self.format is FileFormat.TOML:
            return remove_toml_value(text, path, source=str(self.path))
        return remove_json_value(text, path, source=str(self.path))

    def write(self, text: str) -> None:
        """Replace the file; permissions and links stay.

        Raises:
            StorageError: It cannot be written; it is as it was.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._storage_error("write", error) from error
        write_atomically(self.path, text.encode(), mode=_FILE_MODE)

    def back_up(self, text: str, folder: Path) -> Path:
        """Keep the text in the folder, under a name with the time, and return where.

        The newest copies are kept, readable by their owner only.

        Raises:
            StorageError: The copy cannot be made.
        """
        moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        name = self.path.name.lstrip(".")
        backup = folder / f"{moment}-{name}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            older = sorted(folder.iterdir())
            number = 1
            while backup in older:
                number += 1
                backup = folder / f"{moment}-{number}-{name}"
            write_atomically(backup, text.encode(), mode=_FILE_MODE)
            for old in older[: max(0, len(older) + 1 - _KEPT_BACKUPS)]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"Cannot keep a copy of {self.path} in {folder}: {error.strerror}.",
                hint="Nothing was changed. Free disk space or check the permissions.",
                path=str(folder),
            ) from error
        return backup

    def _storage_error(self, verb: str, error: OSError) -> StorageError:
        return StorageError(
            f"Cannot {verb} {self.path}: {error.strerror}.",
            hint="Check the permissions; nothing was changed.",
            path=str(self.path),
        )

"""The virtual environments of this user: one for each set of libraries that plugins ask for."""

import json
import os
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from synapse_core.config.atomic import write_atomically
from synapse_core.dependencies.venv import Venv
from synapse_core.errors import StorageError

__all__ = ["Venvs"]


class Venvs:
    """Finds the environments below one folder, and remembers which plugin needs which.

    Args:
        cache_dir: The cache of the home.
    """

    def __init__(self, cache_dir: Path) -> None:
        self.folder = cache_dir / "venvs"
        self._answers = self.folder / "answers"

    def venv(self, key: str) -> Venv:
        """Return the environment of this key, there or not."""
        return Venv(self.folder / key)

    def all(self) -> list[Venv]:
        """Return those that are there, whole or not."""
        if not self.folder.is_dir():
            return []
        return [
            Venv(entry)
            for entry in sorted(self.folder.iterdir())
            if entry.is_dir() and entry != self._answers
        ]

    def recall(self, plugin: Path) -> str | None:
        """Return the key last remembered for the plugin, empty when it needs nothing.

        None when nothing is remembered, or a file that mattered has changed since.
        """
        try:
            fields = json.loads(self._answer(plugin).read_bytes())
            if fields["interpreter"] != sys.executable:
                return None
            is_same = all(_stamp(path) == stamp for path, stamp in fields["stamps"].items())
            return str(fields["key"]) if is_same else None
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def remember(self, plugin: Path, key: str, looked_at: Iterable[str | Path]) -> None:
        """Keep the key until one of the paths looked at changes.

        Raises:
            StorageError: It cannot be written.
        """
        self.make_folders()
        stamps = {str(path): _stamp(path) for path in looked_at}
        answer = {"interpreter": sys.executable, "stamps": stamps, "key": key}
        write_atomically(self._answer(plugin), json.dumps(answer).encode(), mode=0o600)

    def make_folders(self) -> None:
        """Make the folders, readable by their owner only.

        Raises:
            StorageError: One cannot be made.
        """
        try:
            self._answers.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"Cannot make {self._answers}: {error.strerror}.",
                hint="Free disk space, or check the permissions of its folder.",
                path=str(self._answers),
            ) from error

    def _answer(self, plugin: Path) -> Path:
        name = sha256(f"{sys.executable}\0{plugin}".encode()).hexdigest()[:24]
        return self._answers / f"{name}.json"


def _stamp(path: str | Path) -> list[int] | None:
    """Return what changes with the file, or with the names in the folder."""
    try:
        status = os.stat(path)  # noqa: PTH116 - on the way to every run
    except (FileNotFoundError, NotADirectoryError):
        return None
    return [status.st_mtime_ns, status.st_size, status.st_ino]

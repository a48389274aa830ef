"""The virtual environments of this user: one for each set of libraries that some plugin asks for.

Each is a folder named by its key. It counts only with its marker, which is written last, so what a
killed installer leaves behind is never used.
"""

import contextlib
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Generator, Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from synapse_core.config.atomic import write_atomically
from synapse_core.errors import StorageError

__all__ = ["Contents", "Venv", "Venvs"]

_TOUCH_AFTER_S = 3600.0
"""How exact the time of last use is kept; a finer one would write to the disk at each run."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What the marker says about an environment.

    Attributes:
        requirements: What was asked for.
        installed: Names of the metadata folders of what was installed.
        packages: The folder that holds them, relative to the environment.
        stamp: Modification time of that folder in nanoseconds.
        size_bytes: What all of it takes on the disk.
    """

    requirements: tuple[str, ...]
    installed: tuple[str, ...]
    packages: str
    stamp: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Venv:
    """One environment, there or to be made.

    Attributes:
        folder: Its folder; the name is its key.
    """

    folder: Path

    @property
    def key(self) -> str:
        """What tells it from others; the same for plugins that ask for the same."""
        return self.folder.name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def log(self) -> Path:
        """What the installer said."""
        return self.folder.with_suffix(".log")

    @property
    def lock(self) -> Path:
        """Held by the one that builds it."""
        return self.folder.with_suffix(".build")

    @property
    def marker(self) -> Path:
        """Its presence says that the environment is whole, its time when it was last used."""
        return self.folder / "synapse-venv.json"

    def contents(self) -> Contents | None:
        """Return what was installed; None unless it is whole and still there."""
        try:
            fields = json.loads(self.marker.read_bytes())
            contents = Contents(
                tuple(fields["requirements"]),
                tuple(fields["installed"]),
                fields["packages"],
                fields["stamp"],
                fields["size_bytes"],
            )
            packages = self.folder / contents.packages
            # A folder that has changed may have gained something only, such as a cache.
            is_whole = packages.stat().st_mtime_ns == contents.stamp or set(
                contents.installed
            ) <= set(os.listdir(packages))  # noqa: PTH208 - names are enough
            return contents if is_whole and self.python.exists() else None
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return None

    def is_ready(self) -> bool:
        """Whether it can be used; where it can, it counts as used now."""
        if self.contents() is None:
            return False
        with contextlib.suppress(OSError):  # a prune has just taken it, or the disk is read-only
            if time.time() - self.marker.stat().st_mtime > _TOUCH_AFTER_S:
                os.utime(self.marker)
        return True

    def seal(self, contents: Contents) -> None:
        """Declare it whole.

        Raises:
            StorageError: The marker cannot be written.
        """
        write_atomically(self.marker, json.dumps(asdict(contents)).encode(), mode=0o600)

    def discard(self) -> None:
        """Remove it, the marker first, so that nobody takes the rest for whole.

        Raises:
            StorageError: Something of it cannot be removed.
        """
        try:
            self.marker.unlink(missing_ok=True)
            if self.folder.exists():
                shutil.rmtree(self.folder)
        except OSError as error:
            raise StorageError(
                f"Cannot remove {self.folder}: {error.strerror}.",
                hint="Remove the folder yourself; it is made again when it is needed.",
                path=str(self.folder),
            ) from error

    @contextlib.contextmanager
    def in_use(self) -> Generator[int]:
        """Hold it against pruning; processes that inherit the descriptor go on holding it."""
        descriptor = os.open(
            self.folder.with_suffix(".use"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield descriptor
        finally:
            os.close(descriptor)

    def is_held(self) -> bool:
        """Whether some process holds it."""
        path = self.folder.with_suffix(".use")
        if not path.exists():
            return False
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


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

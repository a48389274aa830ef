"""One virtual environment: a folder named by the key of what it holds.

It counts only with its marker, which is written last, so what a killed installer leaves behind is
never used.
"""

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from synapse_core.config.atomic import write_atomically
from synapse_core.errors import StorageError

__all__ = ["Contents", "Venv"]

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

    def enter(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the variables with those changed that let programs find this environment."""
        path = os.pathsep.join([str(self.python.parent), environ.get("PATH", os.defpath)])
        return {**environ, "VIRTUAL_ENV": str(self.folder), "PATH": path}

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

    def use(self) -> Contents | None:
        """Return what was installed, as `contents`, and count it as used now."""
        contents = self.contents()
        if contents is not None:
            with contextlib.suppress(OSError):  # just pruned, or the disk is read-only
                if time.time() - self.marker.stat().st_mtime > _TOUCH_AFTER_S:
                    os.utime(self.marker)
        return contents

    def seal(self, contents: Contents) -> None:
        """Declare it whole.

        Raises:
            StorageError: The marker cannot be written.
        """
        write_atomically(self.marker, json.dumps(asdict(contents)).encode(), mode=0o600)

    def unseal(self) -> None:
        """Declare it broken: whoever needs it next makes it anew."""
        self.marker.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove it, the marker first, so that nobody takes the rest for whole.

        Raises:
            StorageError: Something of it cannot be removed.
        """
        try:
            self.unseal()
            if self.folder.exists():
                shutil.rmtree(self.folder)
        except OSError as error:
            raise StorageError(
                f"Cannot remove {self.folder}: {error.strerror}.",
                hint="Remove the folder yourself; it is made again when it is needed.",
                path=str(self.folder),
            ) from error

    @contextlib.contextmanager
    def building(self, *, wait: Callable[[], bool]) -> Generator[bool]:
        """Hold the right to make or remove it; free again when its holder ends, however it does.

        Args:
            wait: Called while another process holds it; False gives up, and False is yielded.
        """
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            is_ours = _try_lock(descriptor, fcntl.LOCK_EX)
            while not is_ours and wait():
                is_ours = _try_lock(descriptor, fcntl.LOCK_EX)
            yield is_ours
        finally:
            os.close(descriptor)

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
            return not _try_lock(file.fileno(), fcntl.LOCK_EX)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

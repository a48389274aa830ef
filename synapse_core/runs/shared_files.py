"""The files that the nodes of a pipeline share, as machines tell each other of them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG, S_IXUSR

__all__ = ["SharedFile", "list_shared_files", "mark_as"]


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file as it was at some time.

    Attributes:
        path: Where it lies, with `/` between folders.
        size_bytes: Its size.
        mtime_ns: When it was written last; Unix time in nanoseconds.
        is_executable: Whether its owner may execute it.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    is_executable: bool


def list_shared_files(root: Path) -> Iterator[SharedFile]:
    """Yield the files below the folder; a link counts as the file it leads to, within the folder.

    What is no file is passed over, and so is a file that somebody removes meanwhile.
    """
    inside = root.resolve()
    for folder, _, names in os.walk(inside):
        for name in names:
            path = Path(folder, name)
            try:
                if path.is_symlink() and not path.resolve().is_relative_to(inside):
                    continue
                facts = path.stat()
            except OSError:
                continue
            if S_ISREG(facts.st_mode):
                relative = path.relative_to(inside).as_posix()
                is_executable = bool(facts.st_mode & S_IXUSR)
                yield SharedFile(relative, facts.st_size, facts.st_mtime_ns, is_executable)


def mark_as(path: Path, file: SharedFile) -> None:
    """Give the file at `path` the time and the mode of another machine's.

    Raises:
        OSError: It is not there, or belongs to somebody else.
    """
    path.chmod(0o700 if file.is_executable else 0o600)
    os.utime(path, ns=(file.mtime_ns, file.mtime_ns))

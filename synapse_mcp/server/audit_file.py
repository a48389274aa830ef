"""A file to which each entry is appended as one line of JSON, and which cannot grow for ever."""

import errno
import fcntl
import json
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from synapse_core.types import JSONObject

__all__ = ["MAX_BYTES", "AuditFile"]

MAX_BYTES = 8 << 20
"""Some ten thousand calls. As many again stay in the file before."""

_FLAGS = (
    os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
)  # no link is followed, no pipe waited for
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class AuditFile:
    """Appends entries; several processes may share the file.

    A full file is renamed, replacing the one renamed before, so that there are never more than
    two.

    Args:
        path: The file; its folder must be there.
        max_bytes: How large it may grow.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes

    @property
    def earlier(self) -> Path:
        """The file that was full before this one."""
        return self.path.with_name(f"{self.path.name}.1")

    def append(self, entry: JSONObject) -> None:
        """Add a line, in one write: whoever reads meanwhile sees all of it or nothing.

        Raises:
            OSError: It could not be written; the file is as it was.
        """
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        while not self._append(line):
            pass  # it was full, or has just been replaced by another process

    def _append(self, line: bytes) -> bool:
        with self._locked() as descriptor:
            size = os.fstat(descriptor).st_size
            if not self._is_current(descriptor):
                return False
            if size and size + len(line) > self._max_bytes:
                self.path.replace(self.earlier)
                return False
            if os.write(descriptor, line) != len(line):
                os.ftruncate(descriptor, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            return True

    @contextmanager
    def _locked(self) -> Generator[int]:
        """Open the file for its owner only, and keep other processes from writing meanwhile."""
        descriptor = os.open(self.path, _FLAGS, 0o600)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise OSError(errno.EINVAL, "It is no regular file", str(self.path))
            if mode & _OTHERS:
                os.fchmod(descriptor, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.lstat())
        except FileNotFoundError:
            return False

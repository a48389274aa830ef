"""Opens files under descriptors that user code does not meet by accident."""

import fcntl
import os
import resource
from pathlib import Path

__all__ = ["move_apart", "open_apart"]

_FLOOR = 500
"""New descriptors get the lowest free number. Far above, ours is not the one that a library closes
or reuses when it tidies up everything from 3."""


def open_apart(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open `path` and return a high descriptor that is closed on exec.

    Raises:
        OSError: As `os.open` does.
    """
    return move_apart(os.open(path, flags | os.O_CLOEXEC, mode))


def move_apart(descriptor: int) -> int:
    """Give the open file a high number, and free the old one."""
    ceiling, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    floor = _FLOOR if ceiling == resource.RLIM_INFINITY else min(_FLOOR, ceiling // 2)
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, floor)
    finally:
        os.close(descriptor)

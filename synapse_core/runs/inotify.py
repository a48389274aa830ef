"""The kernel's way to tell of changes to files; Linux only. Source: inotify(7)."""

import errno
import os
import sys

__all__ = [
    "ATTRIB",
    "CREATE",
    "DELETE_SELF",
    "IGNORED",
    "MODIFY",
    "MOVED_TO",
    "MOVE_SELF",
    "OVERFLOW",
    "inotify_call",
]

MODIFY, ATTRIB, MOVED_TO, CREATE, DELETE_SELF, MOVE_SELF = 0x2, 0x4, 0x80, 0x100, 0x400, 0x800

OVERFLOW, IGNORED = 0x4000, 0x8000
"""Events that nobody asks for: some were lost, and a watch is no more."""


def inotify_call(name: str, *args: int | bytes) -> int:
    """Call a function of the C library, and return what it returns.

    Raises:
        OSError: It failed, or this is another system.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    import ctypes  # noqa: PLC0415 - who never waits need not load it

    result: int = getattr(ctypes.CDLL(None, use_errno=True), name)(*args)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result

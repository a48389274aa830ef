"""The kernel's way to tell of changes to files; Linux only. Source: inotify(7)."""

import contextlib
import errno
import os
import sys

from synapse_core.runs.descriptors import move_apart

__all__ = [
    "ATTRIB",
    "CREATE",
    "DELETE_SELF",
    "IGNORED",
    "MODIFY",
    "MOVED_TO",
    "MOVE_SELF",
    "OVERFLOW",
    "borrow_instance",
    "give_back_instance",
    "inotify_call",
]

MODIFY, ATTRIB, MOVED_TO, CREATE, DELETE_SELF, MOVE_SELF = 0x2, 0x4, 0x80, 0x100, 0x400, 0x800

OVERFLOW, IGNORED = 0x4000, 0x8000
"""Events that nobody asks for: some were lost, and a watch is no more."""

_MAX_IDLE = 4
"""A user may have 128 instances in all."""

_idle: list[int] = []
"""Instances that watch nothing now. To close one takes the kernel 5 to 20 ms, longer than many a
wait: it is used again instead."""


def borrow_instance() -> int:
    """Return the descriptor of an instance that watches nothing; reading from it never blocks.

    Raises:
        OSError: There are too many, or this is another system.
    """
    with contextlib.suppress(IndexError):
        return _idle.pop()
    return move_apart(inotify_call("inotify_init1", os.O_CLOEXEC | os.O_NONBLOCK))


def give_back_instance(descriptor: int, target: int) -> None:
    """Let the instance be borrowed again.

    Args:
        descriptor: The instance.
        target: The one thing it watches; negative for nothing.
    """
    try:
        if target >= 0:
            with contextlib.suppress(OSError):  # it went with the file it was for
                inotify_call("inotify_rm_watch", descriptor, target)
        if len(_idle) < _MAX_IDLE:
            with contextlib.suppress(BlockingIOError):
                while os.read(descriptor, 1 << 16):
                    pass
            _idle.append(descriptor)
        else:
            os.close(descriptor)
    except OSError:
        return  # user code closed every descriptor it could think of


def _forget_idle() -> None:
    """Leave the instances to the parent: a fork would take events away from it."""
    while _idle:
        with contextlib.suppress(OSError):  # user code closed it
            os.close(_idle.pop())


os.register_at_fork(after_in_child=_forget_idle)


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

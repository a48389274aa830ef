"""Waits for a file to be written to, without asking again and again where the system allows it."""

import contextlib
import math
import os
import select
import time
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from synapse_core.runs.inotify import (
    ATTRIB,
    CREATE,
    DELETE_SELF,
    MODIFY,
    MOVE_SELF,
    MOVED_TO,
    borrow_instance,
    give_back_instance,
    inotify_call,
)

__all__ = ["FileWatch", "find_obstacle"]

_POLL_S = 0.05
"""Where the system does not tell of writes, the file is looked at so often."""


class FileWatch:
    """Wakes its user when a file is made, written, replaced or removed; a context manager.

    Neither the file nor its folder need be there yet. Writes are not missed while nobody waits:
    the first wait returns at once when the file has content, and any later one when something came
    since the wait before. One thread uses it.

    Args:
        path: The file.
        instance: An inotify instance that watches nothing, to take over; None to have one found.
    """

    def __init__(self, path: "os.PathLike[str]", instance: int | None = None) -> None:
        self._path = Path(path)
        self._instance = instance
        self._watch: _Watch | None = None
        self._is_first = True

    def __enter__(self) -> Self:
        try:
            self._watch = _Inotify(self._path, self._instance)
        except OSError:
            # Not this system, or it grants this user no more watches; `synapse doctor` tells.
            self._watch = _Looking(self._path)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def wait(self, timeout_s: float | None) -> bool:
        """Block until something may have been written; False when the time is over.

        Args:
            timeout_s: Seconds to wait; None for as long as it takes.
        """
        if self._watch is None:
            raise RuntimeError("wait() is for use inside the with statement")
        is_first, self._is_first = self._is_first, False
        if is_first and _look(self._path):
            return True
        try:
            return self._watch.wait(timeout_s)
        except OSError:
            # User code closed every descriptor it could think of, or the last watch was taken.
            self._watch.close()
            self._watch = _Looking(self._path)
            return True


def find_obstacle() -> OSError | None:
    """Return why the system wakes nobody, so that files are looked at again and again instead."""
    try:
        _Inotify(Path("/")).close()
    except OSError as error:
        return error
    return None


class _Watch(Protocol):
    def wait(self, timeout_s: float | None) -> bool: ...

    def close(self) -> None: ...


class _Looking:
    """Looks at the file again and again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = _look(path)

    def wait(self, timeout_s: float | None) -> bool:
        until = time.monotonic() + timeout_s if timeout_s is not None else math.inf
        while (now_seen := _look(self._path)) == self._seen:
            left_s = until - time.monotonic()
            if left_s <= 0:
                return False
            time.sleep(min(left_s, _POLL_S))
        self._seen = now_seen
        return True

    def close(self) -> None:
        pass


def _look(path: Path) -> tuple[int, int] | None:
    """Return size and time of the last change; None for a file that is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


class _Inotify:
    """Is told by the kernel; Linux only.

    Raises:
        OSError: This is another system, or it grants this user no more watches.
    """

    def __init__(self, path: Path, instance: int | None = None) -> None:
        self._path = path
        self._target = -1
        self._descriptor = borrow_instance() if instance is None else instance
        try:
            self._aim()
        except BaseException:
            self.close()
            raise

    def wait(self, timeout_s: float | None) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        if not poll.poll(None if timeout_s is None else math.ceil(max(0.0, timeout_s) * 1000)):
            return False
        with contextlib.suppress(BlockingIOError):
            os.read(self._descriptor, 1 << 16)
        # What woke us may have been the making of the file, or its replacement.
        self._aim()
        return True

    def close(self) -> None:
        give_back_instance(self._descriptor, self._target)

    def _aim(self) -> None:
        """Watch the file, or the deepest folder on the way to it that is there."""
        aimed_at = None
        # Once more after each watch: something nearer may have been made before it was set.
        while (nearest := self._nearest()) != aimed_at:
            mask = _WRITTEN if nearest == self._path else _MADE
            try:
                target = inotify_call(
                    "inotify_add_watch", self._descriptor, os.fsencode(nearest), mask
                )
            except FileNotFoundError:
                continue
            if target != self._target and self._target >= 0:
                with contextlib.suppress(OSError):  # it went with the file it was for
                    inotify_call("inotify_rm_watch", self._descriptor, self._target)
            self._target, aimed_at = target, nearest

    def _nearest(self) -> Path:
        return next(place for place in (self._path, *self._path.parents) if place.exists())


_WRITTEN = MODIFY | ATTRIB | DELETE_SELF | MOVE_SELF
_MADE = CREATE | MOVED_TO | DELETE_SELF | MOVE_SELF

"""Tells which of many journals were written to, without a thread or a descriptor for each."""

import contextlib
import os
import struct
from pathlib import Path

from synapse_core.runs.descriptors import move_apart
from synapse_core.runs.inotify import (
    CREATE,
    IGNORED,
    MODIFY,
    MOVED_TO,
    OVERFLOW,
    inotify_call,
)

__all__ = ["FolderWatch", "LookingWatch", "ManyWatch", "watch_many"]

_HEAD = struct.Struct("iIII")
_READ_BYTES = 1 << 16
_MASK = MODIFY | CREATE | MOVED_TO


class FolderWatch:
    """Is told by the kernel of writes to a file of the same name in many folders; Linux only.

    Args:
        name: Name of the file.

    Raises:
        OSError: This is another system, or it grants this user no more watches.
    """

    def __init__(self, name: str) -> None:
        self._name = os.fsencode(name)
        self._descriptor = move_apart(inotify_call("inotify_init1", os.O_CLOEXEC | os.O_NONBLOCK))
        self._folders: dict[int, Path] = {}
        self._targets: dict[Path, int] = {}

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when something happened."""
        return self._descriptor

    def add(self, folder: Path) -> None:
        """Watch a folder, which must be there.

        Raises:
            OSError: It cannot be watched.
        """
        target = inotify_call("inotify_add_watch", self._descriptor, os.fsencode(folder), _MASK)
        self._folders[target] = folder
        self._targets[folder] = target

    def remove(self, folder: Path) -> None:
        """Watch the folder no longer."""
        target = self._targets.pop(folder, None)
        if target is not None and self._folders.pop(target, None) is not None:
            with contextlib.suppress(OSError):  # it went with its folder
                inotify_call("inotify_rm_watch", self._descriptor, target)

    def changed(self) -> set[Path]:
        """Return the folders whose file was written to since the call before; never waits."""
        found: set[Path] = set()
        try:
            events = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return found
        at = 0
        while at < len(events):
            target, mask, _, size = _HEAD.unpack_from(events, at)
            name = events[at + _HEAD.size : at + _HEAD.size + size].rstrip(b"\0")
            at += _HEAD.size + size
            if mask & OVERFLOW:
                return set(self._folders.values())
            folder = self._folders.get(target)
            if folder is not None and (name == self._name or mask & IGNORED):
                found.add(folder)
        return found

    def close(self) -> None:
        """Watch nothing any more."""
        os.close(self._descriptor)


class LookingWatch:
    """Looks at the file in each folder when it is asked, where the system tells nothing.

    Args:
        name: Name of the file.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen: dict[Path, tuple[int, int] | None] = {}

    def fileno(self) -> None:
        """There is no descriptor: somebody has to call `changed` again and again."""
        return

    def add(self, folder: Path) -> None:
        """Look at the file in this folder too."""
        self._seen[folder] = self._look(folder)

    def remove(self, folder: Path) -> None:
        """Look there no longer."""
        self._seen.pop(folder, None)

    def changed(self) -> set[Path]:
        """Return the folders whose file is another than at the call before."""
        now_seen = {folder: self._look(folder) for folder in self._seen}
        found = {folder for folder, seen in now_seen.items() if seen != self._seen[folder]}
        self._seen = now_seen
        return found

    def close(self) -> None:
        """Hold nothing."""

    def _look(self, folder: Path) -> tuple[int, int] | None:
        try:
            status = (folder / self._name).stat()
        except OSError:
            return None
        return status.st_size, status.st_mtime_ns


ManyWatch = FolderWatch | LookingWatch


def watch_many(name: str) -> ManyWatch:
    """Return the best watch that this system offers."""
    try:
        return FolderWatch(name)
    except OSError:
        return LookingWatch(name)

"""Tells whether anything changed that a check looks at."""

import hashlib
import importlib.metadata
import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["stamp_folder"]

MAX_FILES = 5_000
"""With more, looking at each costs as much as checking anew."""

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "venv"})

_SAME_TICK_S = 0.05
"""File systems note times in ticks: a change within the same one would not be seen."""


def stamp_folder(folder: Path) -> str:
    """Return a text that changes with the plugin's files and with what is installed.

    Empty when nothing can be promised: there are too many files, one has changed just now, or a
    link leads to a folder elsewhere.
    """
    newest_ns = 0
    digest = hashlib.blake2b(digest_size=16)
    digest.update(_stamp_installation().encode())
    for number, (path, info) in enumerate(_walk(folder)):
        if number >= MAX_FILES or info is None:
            return ""
        newest_ns = max(newest_ns, info.st_mtime_ns, info.st_ctime_ns)
        facts = (info.st_mode, info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)
        digest.update(f"{path}\0{facts}\0".encode(errors="surrogateescape"))
    is_settled = time.time() - newest_ns / 1e9 > _SAME_TICK_S
    return digest.hexdigest() if is_settled else ""


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result | None]]:
    """Yield all files in the folder, but no caches and environments.

    A link counts as what it leads to; without facts, when that is a folder elsewhere.
    """
    inside = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118 - compared as text
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith(".") or entry.name in _SKIPPED:
                    continue
                info = _look(entry)
                path = os.path.relpath(entry.path, folder)
                if not stat.S_ISDIR(info.st_mode):
                    yield path, info
                elif not entry.is_symlink():
                    waiting.append(entry.path)
                elif not os.path.realpath(entry.path).startswith(inside):
                    yield path, None


def _look(entry: "os.DirEntry[str]") -> os.stat_result:
    try:
        return entry.stat()
    except OSError:  # a link that leads nowhere
        return entry.stat(follow_symlinks=False)


def _stamp_installation() -> str:
    """Return what tells one set of installed libraries from another."""
    parts = [sys.version, importlib.metadata.version("synapse-mcp")]
    for entry in sys.path:
        try:
            parts.append(f"{entry} {os.stat(entry).st_mtime_ns}")  # noqa: PTH116 (also for zips)
        except OSError:
            parts.append(entry)
    return "\n".join(parts)

"""Tells whether a plugin has changed, from what the file system says of its files."""

import hashlib
import stat
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from synapse_core.plugins.files import PluginFile

__all__ = ["digest_files", "stamp_files"]

_TICK_S = 0.1
"""File systems note times in ticks: two changes within one look like one."""

_COARSE_TICK_S = 2.1
"""The same, on those that note whole seconds only."""

_MOST_READ = 4 << 20

_FORMAT = f"1 {sys.version_info[:2]}"


def stamp_files(folder: Path, files: Sequence[PluginFile]) -> str:
    """Return a text that is another one after every change of the files.

    Args:
        folder: The plugin's folder.
        files: Its files, as `find_files` lists them.
    """
    digest = hashlib.blake2b(_FORMAT.encode(), digest_size=16)
    now = time.time()
    for file in files:
        status = file.status
        facts = (status.st_mode, status.st_size, status.st_ino, status.st_mtime_ns)
        text = f"{file.path}\0{facts}{status.st_ctime_ns}\n"
        digest.update(text.encode(errors="surrogateescape"))
        if _is_young(file, now) and stat.S_ISREG(status.st_mode):
            # A change that follows within the same tick would not be seen.
            digest.update(_digest_content(folder / file.path))
    return digest.hexdigest()


def digest_files(folder: Path, files: Sequence[PluginFile]) -> str:
    """Return a text that is another one after a change of what the files hold, and only then.

    Args:
        folder: The plugin's folder.
        files: Its files, as `find_files` lists them.
    """
    digest = hashlib.blake2b(_FORMAT.encode(), digest_size=16)
    for file in files:
        digest.update(f"{file.path}\0".encode(errors="surrogateescape"))
        digest.update(_digest_content(folder / file.path))
    return digest.hexdigest()


def _is_young(file: PluginFile, now: float) -> bool:
    newest_ns = max(file.status.st_mtime_ns, file.status.st_ctime_ns)
    is_coarse = file.status.st_mtime_ns % 1_000_000_000 == 0
    return now - newest_ns / 1e9 < (_COARSE_TICK_S if is_coarse else _TICK_S)


def _digest_content(path: Path) -> bytes:
    try:
        with path.open("rb") as content:
            return hashlib.blake2b(content.read(_MOST_READ), digest_size=16).digest()
    except OSError:
        return b"unreadable"

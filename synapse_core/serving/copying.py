"""Copies a plugin for a release, so that later changes of its files do not reach what is served."""

import os
import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from synapse_core.errors import StorageError
from synapse_core.plugins.ignoring import SentFile, find_sent_files
from synapse_core.plugins.size_limit import refuse_too_much

__all__ = ["copy_plugin"]

MAX_BYTES = 8 << 30
_CHUNK = 1 << 20


def copy_plugin(folder: Path, copies: Path) -> tuple[Path, str]:
    """Return a copy of the folder and its digest; the same content is copied once.

    The files are those that would be sent to another machine.

    Args:
        folder: The plugin's folder, whose name the copy keeps.
        copies: Where copies lie, each below its digest.

    Raises:
        TooLargeError: It holds more than can be meant; names the largest files.
        StorageError: It cannot be read or written.
    """
    files = find_sent_files(folder)
    refuse_too_much(
        folder,
        files,
        MAX_BYTES,
        verb="copied for a deployment",
        hint="Keep data and models outside, and give their path in a variable.",
    )
    try:
        digest = _digest(files)
        copy = copies / digest / folder.name
        if not copy.exists():
            unfinished = copies / f".{digest}-{os.getpid()}"
            for file in files:
                target = unfinished / folder.name / file.name
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                shutil.copy2(file.path, target)
            unfinished.rename(copies / digest)
    except OSError as error:
        raise StorageError(
            f"Cannot copy {folder}: {error.strerror} ({error.filename}).",
            hint="Look at its permissions, and whether the disk is full.",
            path=str(folder),
        ) from error
    return copy, digest


def _digest(files: Sequence[SentFile]) -> str:
    digest = sha256()
    for file in files:
        with file.path.open("rb") as content:
            digest.update(f"{file.name}\0{os.fstat(content.fileno()).st_size}\0".encode())
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()[:24]

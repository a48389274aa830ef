"""Finds a private folder for sockets."""

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from synapse_core.errors import StorageError

__all__ = ["runtime_folder"]

_MAX_BYTES = 70
"""macOS gives the path of a socket 104 bytes, Linux 108; names in the folder take up to 30."""


def runtime_folder(environ: Mapping[str, str], max_bytes: int = _MAX_BYTES) -> Path:
    """Return a folder only this user may enter, with a name short enough for a socket's path.

    It lies in `XDG_RUNTIME_DIR`, else among the temporary files; in `/tmp` when the name of
    neither is short enough.

    Args:
        environ: Variables of the calling process.
        max_bytes: How long its path may be.

    Raises:
        StorageError: It belongs to somebody else.
    """
    name = f"synapse-{os.getuid()}"
    bases = (environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir())
    fitting = (Path(base) / name for base in bases if base)
    folder = next(
        (one for one in fitting if len(os.fsencode(one)) <= max_bytes),
        Path("/tmp", name),  # noqa: S108 - a private folder within it
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if (
        not stat.S_ISDIR(status.st_mode)
        or status.st_uid != os.getuid()
        or stat.S_IMODE(status.st_mode) & 0o077
    ):
        raise StorageError(
            f"{folder} is not a private folder of this user.",
            hint=f"Remove it, or run `chmod 700 {folder}` if it is yours.",
            path=str(folder),
        )
    return folder

"""Writes files whole or not at all, one writer at a time."""

import errno
import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from synapse_core.errors import StorageError

__all__ = ["LOCK_TIMEOUT_S", "lock_file", "write_atomically"]

LOCK_TIMEOUT_S = 10.0
"""A writer needs milliseconds; one that holds on longer was stopped, and somebody should know."""

_RETRY_S = 0.01


def write_atomically(path: Path, content: bytes, *, mode: int) -> None:
    """Replace the file's content so that no reader ever sees a part of it.

    A link is followed: what it leads to is replaced, the link stays.

    Args:
        path: The file; its folder must exist.
        content: All of it.
        mode: Permissions of a new file; those of a file that is there are kept.

    Raises:
        StorageError: It could not be written; the earlier file is untouched.
    """
    target = path.resolve()
    # Beside the target: a rename is atomic only within one file system.
    draft = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
    try:
        with suppress(FileNotFoundError):
            mode = target.stat().st_mode & 0o7777
        try:
            _write_through(draft, content, mode)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(target.parent)
    except OSError as error:
        raise StorageError(
            f"Cannot write {path}: {error.strerror}.",
            hint="Nothing was changed. Free disk space or check the permissions of its folder.",
            path=str(path),
        ) from error


@contextmanager
def lock_file(
    path: Path,
    *,
    timeout_s: float = LOCK_TIMEOUT_S,
    meanwhile: Callable[[], object] = lambda: None,
) -> Generator[None]:
    """Hold the lock on `path` against other processes that do the same.

    The lock is a file of its own beside it, which stays: removing it would let two in. It is free
    again as soon as its holder ends, however that happens.

    Args:
        path: What is locked.
        timeout_s: Seconds to wait for somebody else who holds it.
        meanwhile: Called many times a second while that lasts.

    Raises:
        StorageError: Somebody else holds it longer than `timeout_s`, or it cannot be made.
    """
    beside = path.with_name(f".{path.name}.lock")
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(
            f"Cannot lock {path}: {error.strerror}.",
            hint="Check the permissions of its folder.",
            path=str(path),
        ) from error
    try:
        _wait_for_lock(descriptor, path, timeout_s, meanwhile)
        yield
    finally:
        os.close(descriptor)


def _write_through(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 pathlib cannot open a descriptor
        file.write(content)
        file.flush()
        path.chmod(mode)  # now, since the umask may have taken bits that the old file had
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power failure, where the system can."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some network file systems cannot
            raise
    finally:
        os.close(descriptor)


def _wait_for_lock(
    descriptor: int, path: Path, timeout_s: float, meanwhile: Callable[[], object]
) -> None:
    until = time.monotonic() + timeout_s
    while not _try_lock(descriptor):
        if time.monotonic() >= until:
            raise StorageError(
                f"Another process has been changing {path} for more than {timeout_s:g} s.",
                hint="Wait for it, or end it if it hangs; then try again.",
                path=str(path),
            )
        meanwhile()
        time.sleep(_RETRY_S)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

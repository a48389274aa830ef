"""Puts files in place: all of them, or none."""

import contextlib
import errno
import glob
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from synapse_core.errors import OverwriteRefusedError, PathRefusedError, StorageError
from synapse_core.scaffold.changes import Change, FileChange
from synapse_core.types import JSONValue

__all__ = ["place_files", "refuse_overwriting"]

_STALE_S = 3600
"""Writing takes milliseconds; what is that old has no process any more."""

_LISTED = 5
"""Files named in a message; its data has them all."""


def refuse_overwriting(folder: Path, changes: Iterable[FileChange]) -> None:
    """Say no when the content of a file would be lost.

    Raises:
        OverwriteRefusedError: It would; `data["files"]` lists those files.
    """
    files = [str(change.path) for change in changes if change.change is Change.REPLACED]
    if files:
        raise _refusal(folder, files)


def place_files(folder: Path, changes: Sequence[FileChange]) -> None:
    """Write what changes below the folder, which is made when it is missing.

    A new folder appears with all its files at once. In one that is there, files appear one by one,
    each of them whole, in their order; when one cannot be written, those before it are taken back.

    Raises:
        OverwriteRefusedError: Somebody else has written one of them in the meantime.
        PathRefusedError: The path of the folder leads through a file.
        StorageError: The files cannot be written; nothing of them is left.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise PathRefusedError(
            f"{folder.parent} is not a folder.",
            hint="Name a folder to put the plugin into.",
            path=str(folder.parent),
        ) from error
    except OSError as error:
        raise _failure(folder.parent, error) from error
    # Beside the target: a rename is atomic only within one file system.
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    _remove_stale_drafts(folder)
    try:
        _write_draft(draft, changes)
        if folder.exists():
            _move_in(draft, folder, changes)
        else:
            _move_all(draft, folder, changes)
    except OverwriteRefusedError:
        raise
    except OSError as error:
        raise _failure(folder, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _remove_stale_drafts(folder: Path) -> None:
    """Remove what a process left that was killed while it wrote here."""
    for path in folder.parent.glob(f".{glob.escape(folder.name)}.????????.tmp"):
        with contextlib.suppress(OSError):  # another process removes it too
            if time.time() - path.stat().st_mtime > _STALE_S:
                shutil.rmtree(path, ignore_errors=True)


def _write_draft(draft: Path, changes: Iterable[FileChange]) -> None:
    draft.mkdir()
    for change in changes:
        if change.change is not Change.UNCHANGED:
            file = draft / change.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(change.after)


def _move_all(draft: Path, folder: Path, changes: Iterable[FileChange]) -> None:
    try:
        draft.rename(folder)
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
            raise _refusal(folder, [str(change.path) for change in changes]) from error
        raise


def _move_in(draft: Path, folder: Path, changes: Iterable[FileChange]) -> None:
    with contextlib.ExitStack() as undo:
        for change in changes:
            if change.change is Change.UNCHANGED:
                continue
            target = folder / change.path
            _make_folders(target.parent, folder, undo)
            if change.before is None:
                _move_new(draft / change.path, target, folder, undo)
            else:
                _move_over(draft / change.path, target, change, undo)
        undo.pop_all()


def _make_folders(wanted: Path, folder: Path, undo: contextlib.ExitStack) -> None:
    missing: list[Path] = []
    while wanted != folder and not wanted.exists():
        missing.append(wanted)
        wanted = wanted.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        undo.callback(_remove_empty, path)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # somebody has put something into it
        folder.rmdir()


def _move_new(source: Path, target: Path, folder: Path, undo: contextlib.ExitStack) -> None:
    """Move a file to where none is; unlike a rename, this fails when one has come."""
    try:
        os.link(source, target)
    except FileExistsError as error:
        raise _refusal(folder, [target.relative_to(folder).as_posix()]) from error
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK}:
            raise
        # This file system has no hard links.
        if target.exists():
            raise _refusal(folder, [target.relative_to(folder).as_posix()]) from error
        source.rename(target)
    undo.callback(target.unlink, missing_ok=True)


def _move_over(source: Path, target: Path, change: FileChange, undo: contextlib.ExitStack) -> None:
    kept = source.with_name(f"{source.name}.before")
    shutil.copy2(target, kept)
    if kept.read_bytes() != change.before:
        raise OverwriteRefusedError(
            f"{target} was changed by somebody else at the same time.",
            hint="Nothing was written. Try again.",
            path=str(target),
            files=[str(change.path)],
        )
    shutil.copymode(target, source)
    source.replace(target)
    undo.callback(kept.replace, target)


def _refusal(folder: Path, files: Sequence[str]) -> OverwriteRefusedError:
    shown = ", ".join(files[:_LISTED]) + (", …" if len(files) > _LISTED else "")
    return OverwriteRefusedError(
        f"{folder} already holds {len(files)} of the files to write: {shown}.",
        hint="Choose another name or folder, or give force to replace them; dry_run shows how.",
        path=str(folder),
        files=list[JSONValue](files),
    )


def _failure(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"Cannot write to {folder}: {error.strerror or error}.",
        hint="Nothing was written. Free disk space, or choose a folder that you may write.",
        path=str(folder),
    )

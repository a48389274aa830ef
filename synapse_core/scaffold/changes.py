"""What writing files would change in a folder, as a list and as a unified diff."""

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum
from pathlib import Path, PurePosixPath

from synapse_core.errors import PathRefusedError, StorageError
from synapse_core.scaffold.blueprints import FileTree

__all__ = ["Change", "FileChange", "build_diff", "plan_changes"]

_MAX_BYTES = 16 << 20
"""What is larger is no source, manifest or page of a plugin."""


class Change(StrEnum):
    """What happens to a file."""

    CREATED = "created"
    UPDATED = "updated"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file before and after.

    Attributes:
        path: Relative to the plugin's folder.
        change: What happens to it; something is lost only when it is `replaced`.
        before: Content that is there; None when there is no such file.
        after: Content to write.
    """

    path: PurePosixPath
    change: Change
    before: bytes | None
    after: bytes


def plan_changes(
    folder: Path, files: FileTree, *, updates: Iterable[PurePosixPath] = ()
) -> list[FileChange]:
    """Compare the files with what is in the folder, which need not exist.

    Args:
        folder: Where they are to be written.
        files: Their content.
        updates: Those whose content was made from what is there, so that nothing is lost.

    Raises:
        PathRefusedError: A file would land outside the folder, or in place of something else.
        StorageError: What is there cannot be read.
    """
    updated = frozenset(updates)
    changes: list[FileChange] = []
    for path, after in files.items():
        before = _read_earlier(folder, path)
        if before is None:
            change = Change.CREATED
        elif before == after:
            change = Change.UNCHANGED
        else:
            change = Change.UPDATED if path in updated else Change.REPLACED
        changes.append(FileChange(path=path, change=change, before=before, after=after))
    return changes


def build_diff(changes: Iterable[FileChange]) -> str:
    """Return the changes as a unified diff that `git apply` understands."""
    return "".join(_diff_file(change) for change in changes)


def _read_earlier(folder: Path, path: PurePosixPath) -> bytes | None:
    file = folder / path
    # realpath, since resolve() raises errors of several kinds for links that lead in a circle.
    parent = Path(os.path.realpath(file.parent))
    if file.is_symlink() or not parent.is_relative_to(os.path.realpath(folder)):
        raise PathRefusedError(
            f"{file} cannot be written: a link stands there.",
            hint="Remove the link, or choose another folder or name.",
            path=str(file),
        )
    try:
        content = _read(file)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        content = None
    except OSError as error:
        raise StorageError(
            f"Cannot read {file}, which is to be changed: {error.strerror}.",
            hint="Check its permissions, or choose another folder.",
            path=str(file),
        ) from error
    if content is None:
        raise PathRefusedError(
            f"{file} cannot be written: {_obstacle(file)} stands in its way.",
            hint="Move it away, or choose another folder or name.",
            path=str(file),
        )
    return content


def _read(file: Path) -> bytes | None:
    """Return the file's content; None when it is no file that somebody wrote by hand."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as content:
            return content.read(_MAX_BYTES)
    finally:
        os.close(descriptor)


def _obstacle(file: Path) -> str:
    if file.is_dir():
        return "a folder"
    if file.exists():
        return "something that is no file, or a very large one,"
    in_the_way = next(parent for parent in file.parents if parent.exists())
    return f"the file {in_the_way}"


def _diff_file(change: FileChange) -> str:
    if change.change is Change.UNCHANGED:
        return ""
    before, after = _lines(change.before or b""), _lines(change.after)
    if before is None or after is None:
        return f"Binary file b/{change.path} {change.change}\n"
    source = "/dev/null" if change.before is None else f"a/{change.path}"
    lines = unified_diff(before, after, source, f"b/{change.path}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(content: bytes) -> list[str] | None:
    """Return the lines of a text with their ends, None when it is none."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    # Only `\n` ends a line of a diff: str.splitlines would also break at form feeds and their like.
    return re.findall(r"[^\n]*\n|[^\n]+", text)

"""What an artifact can be made of."""

import errno
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

from synapse_core.errors import InvalidInputError, StorageError, nearest
from synapse_core.runtime.json_safe import safe_repr, well_formed

__all__ = ["Source", "name_of", "open_source"]

Source = str | bytes | bytearray | memoryview | os.PathLike[str]
"""A path, bytes, or text. A `str` is text when a name comes with it, a path when none does."""

_NEEDS_NAME = 'Give it a name: save_artifact(content, "report.html").'


def name_of(source: Source) -> str:
    """Return the name of a source that is given without one: that of its file."""
    return Path(source).name if isinstance(source, str | os.PathLike) else ""


def open_source(source: Source, name: str | None) -> BinaryIO:
    """Return the content to be read.

    Raises:
        InvalidInputError: It is no regular file, neither path nor content, or could be both.
        StorageError: The file cannot be read.
    """
    match source:
        case os.PathLike():
            return _open_file(Path(source))
        case str() if name is None:
            return _open_file(Path(source))
        case str():
            _refuse_path_as_text(source, name)
            return io.BytesIO(well_formed(source).encode())
        case bytes() | bytearray() | memoryview():
            if name is None:
                raise InvalidInputError("The artifact has no name.", hint=_NEEDS_NAME)
            return io.BytesIO(source)
        case _:
            raise InvalidInputError(
                f"{safe_repr(source)[:100]} cannot be saved as an artifact.",
                hint="Give a Path, bytes or text; write objects to a file first.",
            )


def _refuse_path_as_text(text: str, name: str | None) -> None:
    """Refuse text that was probably meant as the path of a file: guessing would save the wrong one.

    Raises:
        InvalidInputError: It names a file, or looks as if it did.
    """
    if "\n" in text or "\0" in text:
        return
    suffix = Path(name or "").suffix
    looks_like_path = suffix and text.endswith(suffix) and not any(map(str.isspace, text))
    if looks_like_path or os.path.isfile(text):  # noqa: PTH113 - Path.is_file raises on long text
        raise InvalidInputError(
            f"{text[:200]!r} with a name is text, yet it reads like the path of a file.",
            hint="Save the file with Path(...), or the text itself with .encode().",
        )


def _open_file(path: Path) -> BinaryIO:
    try:
        # Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except ValueError as error:
        raise InvalidInputError(
            f"{safe_repr(str(path))[:200]} is no path.", hint="Paths hold no NUL character."
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return open(descriptor, "rb")  # noqa: PTH123 - the caller closes it; pathlib cannot
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise InvalidInputError(
            f"{path} is a folder; an artifact is one file.",
            hint="Save its files one by one under names such as 'model/weights.bin', or pack it "
            "with shutil.make_archive first.",
            path=str(path),
        )
    raise InvalidInputError(
        f"{path} is a pipe or device, not a regular file.",
        hint="Write its content to a file, or save it as bytes.",
        path=str(path),
    )


def _unreadable(path: Path, error: OSError) -> InvalidInputError | StorageError:
    if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}:
        return StorageError(
            f"Cannot read {path}: {error.strerror}.",
            hint="Check its permissions.",
            path=str(path),
        )
    beside = os.listdir(path.parent) if path.parent.is_dir() else []  # noqa: PTH208 - names only
    near = nearest(path.name, beside)
    return InvalidInputError(
        f"There is no file {str(path)[:300]}.",
        hint=f"{near} Relative paths begin at the working directory, {Path.cwd()}.".strip(),
        path=str(path),
    )

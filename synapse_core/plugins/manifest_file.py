"""Reads the text of a `config.yaml` without trusting what lies there."""

import errno
import os
import stat
from pathlib import Path

from synapse_core.errors import ManifestError, StorageError
from synapse_core.model.plugin import Diagnostic
from synapse_core.plugins.layout import MANIFEST
from synapse_core.plugins.reporting import build_error

__all__ = ["MAX_MANIFEST_BYTES", "decode_manifest", "read_manifest"]

MAX_MANIFEST_BYTES = 1 << 20

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_manifest(folder: Path) -> str:
    """Return the text of the folder's `config.yaml`; a link is not followed, a pipe not waited for.

    Raises:
        ManifestError: There is none, or it is no file, too large, or no UTF-8 text.
        StorageError: It may not be read, or the disk fails.
    """
    try:
        content = _read(folder / MANIFEST)
    except OSError as error:
        raise _refuse(folder, error) from error
    if content is None:
        raise _no_file(folder, "is no regular file")
    return decode_manifest(content, folder)


def _read(file: Path) -> bytes | None:
    """Return the file's content, as far as it is looked at; None when it is no regular file."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            return None
        with open(descriptor, "rb", closefd=False) as content:
            return content.read(MAX_MANIFEST_BYTES + 1)
    finally:
        os.close(descriptor)


def decode_manifest(content: bytes, folder: Path) -> str:
    """Return the text; a UTF-8 byte order mark at its begin is left out.

    Raises:
        ManifestError: It is too large, or no UTF-8 text.
    """
    if len(content) > MAX_MANIFEST_BYTES:
        raise _broken(
            folder,
            "manifest-too-large",
            f"The file has more than {MAX_MANIFEST_BYTES >> 20} MiB.",
            "Keep data in files of their own; config.yaml only says what the plugin offers.",
        )
    if content.startswith(_UTF16_MARKS):
        raise _broken(folder, "manifest-encoding", "The file is UTF-16.", "Save it as UTF-8.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = content.rfind(b"\n", 0, error.start) + 1
        raise _broken(
            folder,
            "manifest-encoding",
            f"The byte 0x{content[error.start]:02x} is no UTF-8 text.",
            "Save the file as UTF-8.",
            line=content.count(b"\n", 0, error.start) + 1,
            column=len(content[start : error.start].decode(errors="replace")) + 1,
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise _broken(
            folder, "manifest-encoding", "The file is binary.", "Write it as text.", line=line
        )
    return text


def _refuse(folder: Path, error: OSError) -> ManifestError | StorageError:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return _broken(
                folder,
                "manifest-missing",
                f"There is no {MANIFEST} in {folder}.",
                "Give the folder of a plugin, or make one with `synapse plugin create`.",
            )
        case errno.ELOOP | errno.EMLINK:
            return _no_file(folder, "is a symbolic link")
        case errno.EISDIR:
            return _no_file(folder, "is a folder")
        case errno.ENXIO:  # a socket
            return _no_file(folder, "is no regular file")
        case _:
            return StorageError(
                f"Cannot read {folder / MANIFEST}: {error.strerror}.",
                hint="Check the permissions of the file and of its folder.",
                path=str(folder),
            )


def _no_file(folder: Path, what: str) -> ManifestError:
    return _broken(
        folder, "manifest-not-a-file", f"{MANIFEST} {what}.", "Put a file of text in its place."
    )


def _broken(
    folder: Path, code: str, message: str, fix: str, *, line: int = 0, column: int = 0
) -> ManifestError:
    finding = Diagnostic(
        code=code, message=message, file=MANIFEST, line=line, column=column, fix=fix
    )
    return build_error(folder, [finding])

"""Packs a plugin's folder to be sent, and unpacks it: the same content gives the same bytes."""

import json
import os
import stat
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, BinaryIO

from synapse_core.errors import InvalidInputError, StorageError
from synapse_core.plugins.ignoring import find_sent_files
from synapse_core.plugins.size_limit import refuse_too_much

__all__ = ["MAX_BYTES", "Archive", "pack", "stamp_sent_files", "unpack"]

MAX_BYTES = 100 << 20
"""Of all files together, unpacked. Ray takes no more over HTTP; data belongs elsewhere."""

_TIME = (1980, 1, 1, 0, 0, 0)
"""The first that the format knows: when a file was written says nothing about what it holds."""

_FILE, _PROGRAM = 0o644, 0o755
_UNIX = 3
"""The system whose permissions the entries carry. Source: APPNOTE.TXT of PKWARE, 4.4.2"""


@dataclass(frozen=True, slots=True)
class Archive:
    """A packed folder.

    Attributes:
        digest: The same for the same names, permissions and contents, whatever packed them.
        name: Name of the folder, which is a part of its content: it may be a package.
        size_bytes: Size of all files, unpacked.
        files: How many there are.
    """

    digest: str
    name: str
    size_bytes: int
    files: int


def stamp_sent_files(folder: Path) -> str:
    """Return what changes with the folder, without reading its files.

    Raises:
        StorageError: A folder cannot be read.
        InvalidInputError: A rule cannot be understood.
    """
    # The time of the last change of any kind: unlike that of writing, nobody can set it.
    files = find_sent_files(folder)
    facts = [[one.name, one.status.st_size, one.status.st_ctime_ns] for one in files]
    told = json.dumps([folder.resolve().name, facts])
    return sha256(told.encode()).hexdigest()


def pack(folder: Path, to: IO[bytes], *, max_bytes: int = MAX_BYTES) -> Archive:
    """Write the files of the folder that are to be sent, as a ZIP archive.

    Args:
        folder: The folder; in the archive, everything lies below its name.
        to: Where to write; the bytes are the same for the same content.
        max_bytes: Most bytes of all files together.

    Raises:
        TooLargeError: It holds more; the message names the largest files.
        InvalidInputError: A rule cannot be understood, or a name is no text.
        StorageError: A file cannot be read, or the archive not be written.
    """
    files = find_sent_files(folder)
    refuse_too_much(
        folder,
        files,
        max_bytes,
        verb="sent",
        hint="Name what the actions do not need in .synapseignore, and read data from where the "
        "cluster sees it.",
    )
    name = folder.resolve().name
    content = _Content(name)
    size_bytes = 0
    with (
        _reading(folder),
        zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as zipped,
    ):
        for file in files:
            held = file.path.read_bytes()
            size_bytes += len(held)
            entry = zipfile.ZipInfo(f"{name}/{file.name}", _TIME)
            entry.create_system = _UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | _mode(file.status)) << 16
            zipped.writestr(entry, held)
            content.add(file.name, _mode(file.status), held)
    return Archive(content.digest(), name, size_bytes, len(files))


def unpack(archive: BinaryIO, into: Path) -> Archive:
    """Write what was packed below the folder `into`, which must be empty or not be there.

    Raises:
        InvalidInputError: It is no archive of ours, or is damaged.
        StorageError: It cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            return _unpacked(zipped, into)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise InvalidInputError(
            f"The archive of the plugin is damaged: {error}.", hint="Send it again."
        ) from error
    except OSError as error:
        raise StorageError(
            f"Cannot unpack the plugin into {into}: {error.strerror}.",
            hint="Free disk space there, or check the permissions.",
            path=str(into),
        ) from error


def _unpacked(zipped: zipfile.ZipFile, into: Path) -> Archive:
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    tops: set[str] = set()
    found: list[tuple[str, int, bytes]] = []
    for entry in zipped.infolist():
        top, name = _split(entry.filename)
        tops.add(top)
        mode = _PROGRAM if (entry.external_attr >> 16) & stat.S_IXUSR else _FILE
        held = zipped.read(entry)
        target = into / top / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.write_bytes(held)
        target.chmod(mode)
        found.append((name, mode, held))
    if len(tops) > 1:
        raise InvalidInputError("The archive holds more than one folder.", hint="Pack it anew.")
    name = tops.pop() if tops else ""
    content = _Content(name)
    for part in found:
        content.add(*part)
    return Archive(content.digest(), name, sum(len(held) for *_, held in found), len(found))


def _split(name: str) -> tuple[str, str]:
    """Return the top folder of an entry and the rest; whatever would lead elsewhere is refused."""
    top, _, rest = name.partition("/")
    parts = [top, *rest.split("/")]
    if not {"", ".", ".."}.isdisjoint(parts) or "\\" in name or "\0" in name:
        raise InvalidInputError(
            f"The archive holds {name[:100]!a}, which is no file of a plugin.", hint="Pack it anew."
        )
    return top, rest


class _Content:
    """Digests what is packed, not how: another compression gives the same."""

    def __init__(self, name: str) -> None:
        self._digest = sha256(f"{name}\0".encode())

    def add(self, name: str, mode: int, held: bytes) -> None:
        head = f"{name}\0{mode:o}\0{len(held)}\0"
        self._digest.update(head.encode())
        self._digest.update(sha256(held).digest())

    def digest(self) -> str:
        return self._digest.hexdigest()


def _mode(status: os.stat_result) -> int:
    return _PROGRAM if status.st_mode & stat.S_IXUSR else _FILE


@contextmanager
def _reading(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"Cannot pack {folder}: {error.strerror} ({error.filename}).",
            hint="Check permissions and disk space, or name the file in .synapseignore.",
            path=str(folder),
        ) from error

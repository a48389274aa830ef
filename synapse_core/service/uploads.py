"""Takes in the files of runs whose workers do not share the disk, a piece at a time."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from synapse_core.errors import ConflictError, InvalidInputError, StorageError
from synapse_core.model.run import ArtifactInfo
from synapse_core.runtime.artifact_names import checked_name
from synapse_core.runtime.artifacts import ArtifactDraft

__all__ = ["Piece", "take_piece"]

_CHUNK_BYTES = 1 << 20
_SHA256_CHARS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a file.

    Attributes:
        name: Name of the file, with `/` between folders.
        size_bytes: Size of the whole file.
        sha256: Hex digest of the whole file.
        offset: Where the part begins in it.
        content: The part.
    """

    name: str
    size_bytes: int
    sha256: str
    offset: int
    content: bytes


def take_piece(place: Path, drafts: Path, piece: Piece) -> bool:
    """Add a piece; whether the file is whole now, and in its place.

    Sending a piece again does no harm, also the last one.

    Args:
        place: The folder that the file is to lie in; made if need be.
        drafts: The folder on the same disk in which it is put together; made if need be.
        piece: The piece.

    Raises:
        InvalidInputError: Name, size or digest cannot be, or the file is not what was announced.
        PathRefusedError: The name could lead out of the run's folder.
        ConflictError: Pieces before it are missing; `data["expected_offset"]` is wanted next.
        StorageError: It cannot be written.
    """
    name = checked_name(piece.name)
    end = piece.offset + len(piece.content)
    is_digest = len(piece.sha256) == _SHA256_CHARS and piece.sha256.isalnum()
    if not is_digest or end > piece.size_bytes:
        raise InvalidInputError(
            f"The piece of {name!r} does not fit what is announced of the file.",
            hint="Send its size and digest, and pieces that lie within.",
        )
    draft = drafts / f".upload-{piece.sha256}.part"
    try:
        if not draft.exists() and _is(place / name, piece.size_bytes, piece.sha256):
            return True
        for folder in (place, drafts):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(draft, piece)
        if end < piece.size_bytes:
            return False
        if not _is(draft, piece.size_bytes, piece.sha256):
            draft.unlink()
            raise InvalidInputError(
                f"What came of {name!r} is not the file that was announced.",
                hint="It changed while it was sent: send it again.",
            )
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"Cannot write the file {name!r}: {error.strerror}.",
            hint="Free disk space where the service runs, or check the permissions.",
            name=name,
        ) from error
    info = ArtifactInfo(name, f"{place.name}/{name}", piece.size_bytes, piece.sha256)
    with ArtifactDraft(info, draft, place) as whole:
        whole.publish()
    return True


def _write(draft: Path, piece: Piece) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - pathlib cannot open a descriptor
        there = os.fstat(descriptor).st_size
        if piece.offset > there:
            raise ConflictError(
                f"The piece begins at {piece.offset}, and {there} bytes are there.",
                hint=f"Send the file from {there} on.",
                expected_offset=there,
            )
        file.truncate(piece.offset)
        file.seek(piece.offset)
        file.write(piece.content)


def _is(path: Path, size_bytes: int, sha256: str) -> bool:
    """Whether the file there is the announced one."""
    if not path.is_file() or path.stat().st_size != size_bytes:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest() == sha256

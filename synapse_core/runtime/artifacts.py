"""Files that a run leaves: copied into its folder whole or not at all."""

import hashlib
import os
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import BinaryIO, Self

from synapse_core.errors import InvalidInputError, PathRefusedError, StorageError, SynapseError
from synapse_core.model.run import ArtifactInfo
from synapse_core.runtime.artifact_names import checked_name
from synapse_core.runtime.artifact_sources import Source, name_of, open_source
from synapse_core.runtime.media_types import checked_media_type, guess_media_type

__all__ = ["ArtifactDraft", "ArtifactFolder"]

_CHUNK_BYTES = 1 << 20


class ArtifactDraft:
    """A copy that lies ready beside the folder; gone when its `with` block ends unpublished.

    Attributes:
        info: The artifact it will be.
    """

    def __init__(self, info: ArtifactInfo, path: Path, root: Path) -> None:
        self.info = info
        self._path = path
        self._root = root

    def publish(self) -> None:
        """Put it in place; an artifact of the same name is replaced at once.

        Raises:
            InvalidInputError: An artifact stands where the name needs a folder, or the reverse.
            PathRefusedError: A link stands in its way.
            StorageError: The folder cannot be written.
        """
        name = self.info.name
        with _storing(name):
            folder = self._root
            _refuse_link(folder, name)
            for part in PurePosixPath(name).parts[:-1]:
                folder /= part
                folder.mkdir(mode=0o700, exist_ok=True)
                _refuse_link(folder, name)
            _refuse_link(self._root / name, name)
            self._path.replace(self._root / name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._path.unlink(missing_ok=True)


class ArtifactFolder:
    """The `artifacts` folder of one run.

    Args:
        run_dir: The run's folder.
        check: Called between two pieces of a file; raises to leave the copy undone.
    """

    def __init__(self, run_dir: Path, check: Callable[[], None]) -> None:
        self._run_dir = run_dir
        self._root = run_dir / "artifacts"
        self._check = check

    def draft(self, source: Source, name: str | None, media_type: str | None) -> ArtifactDraft:
        """Copy `source` into a draft, piece by piece.

        A file is copied, not linked: an action may go on writing to what it has saved.

        Raises:
            InvalidInputError: Source, name or media type cannot be used.
            PathRefusedError: The name is not a safe relative path.
            StorageError: The disk is full, or a file cannot be read or written.
        """
        with open_source(source, name) as reader:
            wanted = checked_name(name_of(source) if name is None else name)
            kind = (
                guess_media_type(wanted) if media_type is None else checked_media_type(media_type)
            )
            path = self._run_dir / f".artifact-{secrets.token_hex(6)}.tmp"
            with _storing(wanted):
                self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
                try:
                    size_bytes, sha256 = self._copy(reader, path)
                except BaseException:  # a cancelled run too leaves no half file
                    path.unlink(missing_ok=True)
                    raise
        info = ArtifactInfo(wanted, f"{self._root.name}/{wanted}", size_bytes, sha256, kind)
        return ArtifactDraft(info, path, self._root)

    def _copy(self, reader: BinaryIO, target: Path) -> tuple[int, str]:
        digest = hashlib.sha256()
        size_bytes = 0
        with open(target, "xb", opener=_private) as writer:
            while piece := reader.read(_CHUNK_BYTES):
                self._check()
                digest.update(piece)
                writer.write(piece)
                size_bytes += len(piece)
        return size_bytes, digest.hexdigest()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _refuse_link(path: Path, name: str) -> None:
    if path.is_symlink():
        raise PathRefusedError(
            f"The artifact {name!r} would be written through the link {path}.",
            hint="Remove the link; save a file under its own name instead.",
            path=str(path),
        )


@contextmanager
def _storing(name: str) -> Generator[None]:
    """Translate what the file system raises while the artifact is written."""
    try:
        yield
    except SynapseError:
        raise
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise InvalidInputError(
            f"The artifact {name!r} needs a file where a folder is, or a folder where a file is.",
            hint="Choose another name: one that no other artifact's name begins with.",
            name=name,
        ) from error
    except OSError as error:
        raise StorageError(
            f"Cannot save the artifact {name!r}: {error.strerror}.",
            hint="An earlier one of this name is untouched. Free disk space and run again.",
            name=name,
        ) from error

"""Writes a file piece by piece, so that it is there whole or not at all."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from synapse_core.errors import StorageError

__all__ = ["written_whole"]


@contextmanager
def written_whole(to: Path) -> Generator[BinaryIO]:
    """Give a stream whose content takes the place of `to` at the end; its folder is made.

    When something is raised, what was written is gone, and an earlier file stays.

    Raises:
        StorageError: It cannot be written.
    """
    draft = to.with_name(f".{to.name}.part")
    try:
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with draft.open("wb") as file:
            yield file
        draft.replace(to)
    except BaseException as error:
        with suppress(OSError):  # it may never have come to be
            draft.unlink()
        if isinstance(error, OSError) and not isinstance(error, StorageError):
            raise StorageError(
                f"Cannot write {to}: {error.strerror}.",
                hint="Check the folder, its permissions and the free disk space.",
                path=str(to),
            ) from error
        raise

"""Bounds what a plugin's folder may hold, where all of it is sent or copied."""

from collections.abc import Sequence
from pathlib import Path

from synapse_core.errors import TooLargeError
from synapse_core.plugins.ignoring import SentFile

__all__ = ["refuse_too_much"]

_NAMED = 5


def refuse_too_much(
    folder: Path, files: Sequence[SentFile], max_bytes: int, *, verb: str, hint: str
) -> None:
    """Return if the files together are small enough.

    Args:
        folder: The plugin's folder.
        files: What counts of it.
        max_bytes: How much that may be.
        verb: What is done with them, such as `sent`.
        hint: What to do instead.

    Raises:
        TooLargeError: They are larger; the message names the largest.
    """
    total = sum(file.status.st_size for file in files)
    if total <= max_bytes:
        return
    largest = sorted(files, key=lambda file: file.status.st_size, reverse=True)[:_NAMED]
    named = ", ".join(f"{file.name} ({_shown(file.status.st_size)})" for file in largest)
    raise TooLargeError(
        f"The folder {folder} holds {_shown(total)}, and {_shown(max_bytes)} can be {verb}. "
        f"Largest: {named}.",
        hint=hint,
        path=str(folder),
        size_bytes=total,
        max_bytes=max_bytes,
        largest=[file.name for file in largest],
    )


def _shown(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"

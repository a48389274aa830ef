"""Secrets that this installation makes for itself and keeps in its home."""

import os
import secrets
from pathlib import Path

from synapse_core.errors import StorageError

__all__ = ["make_or_read_secret", "read_secret"]


def make_or_read_secret(file: Path) -> str:
    """Return the secret in the file; the first caller makes it, readable by its owner only.

    Raises:
        StorageError: The file cannot be made or read.
    """
    secret = secrets.token_urlsafe(32)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_secret(file)
    except OSError as error:
        raise StorageError(
            f"Cannot keep a secret in {file}: {error.strerror}.",
            hint="Check the permissions of its folder.",
            path=str(file),
        ) from error
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(f"{secret}\n")
    return secret


def read_secret(file: Path) -> str:
    """Return the secret in the file.

    Raises:
        StorageError: It cannot be read, or is no text.
    """
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(
            f"Cannot read the secret in {file}: {error}.",
            hint="Name a text file that holds nothing else.",
            path=str(file),
        ) from error

"""The token that a client must send over HTTP."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from synapse_core.errors import ConfigError, StorageError
from synapse_mcp.settings import HttpSettings

__all__ = ["TOKEN_VARIABLE", "find_token"]

TOKEN_VARIABLE = "SYNAPSE_MCP_TOKEN"  # noqa: S105 - the name of the variable, not a token

_MIN_CHARS = 16
"""128 bits as hexadecimal digits would be 32; less than 16 characters is a guessable word."""


def find_token(settings: HttpSettings, home: Path, environ: Mapping[str, str]) -> str:
    """Return the token; on loopback, one is made and kept in the home when none is given.

    Raises:
        ConfigError: Other machines are let in without a token of the user's own, or it is too
            short.
        StorageError: The file cannot be read or written.
    """
    if settings.token_file is not None:
        return _checked(_read(settings.token_file), str(settings.token_file))
    if TOKEN_VARIABLE in environ:
        return _checked(environ[TOKEN_VARIABLE].strip(), TOKEN_VARIABLE)
    if not settings.is_loopback:
        raise ConfigError(
            f"--host {settings.host} lets other machines in, and no token is set.",
            hint=f"Set {TOKEN_VARIABLE} or name a file with --token-file. Clients send it as "
            "`Authorization: Bearer TOKEN`; put a proxy with TLS in front.",
        )
    return _own_token(home / "mcp-token")


def _own_token(file: Path) -> str:
    token = secrets.token_urlsafe(32)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _checked(_read(file), str(file))
    except OSError as error:
        raise StorageError(
            f"Cannot keep a token in {file}: {error.strerror}.",
            hint=f"Set {TOKEN_VARIABLE} instead.",
            path=str(file),
        ) from error
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(f"{token}\n")
    return token


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(
            f"Cannot read the token from {file}: {error}.",
            hint="Name a text file that holds nothing but the token.",
            path=str(file),
        ) from error


def _checked(token: str, where: str) -> str:
    if len(token) < _MIN_CHARS or not token.isascii() or any(char.isspace() for char in token):
        raise ConfigError(
            f"The token in {where} is no token of at least {_MIN_CHARS} characters.",
            hint="Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return token

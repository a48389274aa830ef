"""The token that a client must send over HTTP."""

from collections.abc import Mapping
from pathlib import Path

from synapse_core.errors import ConfigError
from synapse_mcp.server.secret_file import make_or_read_secret, read_secret
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
        return _checked(read_secret(settings.token_file), str(settings.token_file))
    if TOKEN_VARIABLE in environ:
        return _checked(environ[TOKEN_VARIABLE].strip(), TOKEN_VARIABLE)
    if not settings.is_loopback:
        raise ConfigError(
            f"--host {settings.host} lets other machines in, and no token is set.",
            hint=f"Set {TOKEN_VARIABLE} or name a file with --token-file. Clients send it as "
            "`Authorization: Bearer TOKEN`; put a proxy with TLS in front.",
        )
    file = home / "mcp-token"
    return _checked(make_or_read_secret(file), str(file))


def _checked(token: str, where: str) -> str:
    if len(token) < _MIN_CHARS or not token.isascii() or any(char.isspace() for char in token):
        raise ConfigError(
            f"The token in {where} is no token of at least {_MIN_CHARS} characters.",
            hint="Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return token

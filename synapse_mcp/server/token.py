"""The token that a client must send over HTTP."""

from collections.abc import Mapping
from pathlib import Path

from synapse_core.config.listening import find_own_token
from synapse_mcp.settings import HttpSettings

__all__ = ["TOKEN_VARIABLE", "find_token"]

TOKEN_VARIABLE = "SYNAPSE_MCP_TOKEN"  # noqa: S105 - the name of the variable, not a token


def find_token(settings: HttpSettings, home: Path, environ: Mapping[str, str]) -> str:
    """Return the token; on loopback, one is made and kept in the home when none is given.

    Raises:
        ConfigError: Other machines are let in without a token of the user's own, or it is too
            short.
        StorageError: The file cannot be read or written.
    """
    return find_own_token(
        settings.host,
        file=settings.token_file,
        variable=TOKEN_VARIABLE,
        made=home / "mcp-token",
        environ=environ,
    )

"""The token by which programs of this machine open the service of this home."""

from collections.abc import Mapping

from synapse_core.config.home import Home
from synapse_core.config.secret_file import read_secret

__all__ = ["SERVICE_TOKEN_VARIABLE", "find_service_token"]

SERVICE_TOKEN_VARIABLE = "SYNAPSE_SERVICE_TOKEN"  # noqa: S105 - the name of the variable, not a token
_MADE = "service-token"


def find_service_token(home: Home, environ: Mapping[str, str]) -> str:
    """Return the token of the variable, or the one that the service made; empty for none.

    Raises:
        StorageError: The file that holds it cannot be read.
    """
    given = environ.get(SERVICE_TOKEN_VARIABLE)
    if given is not None:
        return given.strip()
    made = home.root / _MADE
    return read_secret(made) if made.exists() else ""

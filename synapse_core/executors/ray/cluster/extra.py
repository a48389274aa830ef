"""Whether Ray is installed, found out without importing it."""

import functools
from importlib.util import find_spec

from synapse_core.errors import MissingExtraError

__all__ = ["CLIENT_SCHEME", "is_installed", "require_client", "require_ray", "require_serve"]

CLIENT_SCHEME = "ray://"
"""Before addresses at which a cluster takes clients of Ray."""


@functools.cache
def is_installed() -> bool:
    """Whether Ray can be imported by this interpreter."""
    return find_spec("ray") is not None


def require_ray() -> None:
    """Go on only when Ray is there.

    Raises:
        MissingExtraError: It is not; says what to install.
    """
    if not is_installed():
        raise MissingExtraError(
            "Runs on Ray need the extra `ray`, which is not installed.",
            hint="Install it: pip install 'synapse-mcp[ray]'",
            extra="ray",
        )


def require_client(address: str | None) -> None:
    """Go on only when Ray is there, with what it needs to reach a cluster at this address.

    Args:
        address: Of a cluster; None for one that is started here.

    Raises:
        MissingExtraError: It is not; says what to install.
    """
    require_ray()
    if address is not None and address.startswith(CLIENT_SCHEME) and find_spec("grpc") is None:
        raise MissingExtraError(
            f"The cluster at {address} takes clients of Ray, which need grpcio, and that is not "
            "installed.",
            hint="Install it: pip install 'ray[client]'. Or give the head's own host:port.",
            extra="ray",
        )


def require_serve() -> None:
    """Go on only when Ray is there with what Ray Serve needs.

    Raises:
        MissingExtraError: It is not; says what to install.
    """
    if not is_installed() or find_spec("fastapi") is None:
        raise MissingExtraError(
            "Deployments need the extra `serve`, which is not installed.",
            hint="Install it: pip install 'synapse-mcp[serve]'",
            extra="serve",
        )

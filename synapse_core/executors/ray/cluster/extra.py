"""Whether Ray is installed, found out without importing it."""

import functools
from importlib.util import find_spec

from synapse_core.errors import MissingExtraError

__all__ = ["is_installed", "require_ray", "require_serve"]


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

"""Connects to a cluster or starts one, and tells why that did not work."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from synapse_core.errors import (
    ConflictError,
    SynapseError,
    UnauthorizedError,
    WorkerLostError,
)
from synapse_core.executors.ray.cluster.extra import CLIENT_SCHEME
from synapse_core.executors.ray.driver.head_watch import await_head

__all__ = ["connect"]

_TRIES = 3
_BUSY = "Starting Ray client server failed"
"""The cluster starts a process for each client, and gives that half a minute."""

_log = logging.getLogger(__name__)


def connect(ray: Any, address: str | None, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - modules and contexts of Ray's
    """Return Ray's context of the cluster.

    Args:
        ray: The module.
        address: Of the head of a cluster; None to start one here.
        arguments: What `ray.init` is told.

    Raises:
        ConflictError: Its Python or Ray is of another version than ours.
        UnauthorizedError: It refuses the token.
        WorkerLostError: It is not there.
    """
    tries = _TRIES if (address or "").startswith(CLIENT_SCHEME) else 1
    try:
        if address is not None:
            await_head(address)
        for _ in range(tries - 1):
            try:
                return ray.init(**arguments)
            except ConnectionError as error:
                if _BUSY not in str(error):
                    raise
                _log.warning("The cluster had no process for a client in time", exc_info=True)
        return ray.init(**arguments)
    except (ImportError, RuntimeError, OSError, ValueError) as error:
        raise _explained(error, address) from error


def _explained(error: Exception, address: str | None) -> SynapseError:
    if address is None:
        return WorkerLostError(
            f"No Ray cluster on this machine: {error}",
            hint="The machine may be busy: try again. The log tells more: `synapse ray status`.",
        )
    said = [str(one) for one in _chain(error)]
    if any("ersion mismatch" in text for text in said):
        return ConflictError(
            f"The cluster at {address} has other versions: {error}",
            hint="Use the cluster's versions of Python and Ray here, or run as a job.",
        )
    if any("InvalidAuthToken" in text or "UNAUTHENTICATED" in text.upper() for text in said):
        return UnauthorizedError(
            f"The cluster at {address} refuses the token, or misses one.",
            hint="Name it in the configuration (`token` or `token_variable` of the cluster), or "
            "in RAY_AUTH_TOKEN for a cluster that is named by its address.",
            address=address,
        )
    return WorkerLostError(
        f"No Ray cluster on {address}: {error}",
        hint="Check the address, and whether the cluster is up; `synapse ray status` looks again.",
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it was raised from."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__

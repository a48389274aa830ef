"""Whether the head of somebody else's cluster answers; Ray's own calls would wait for it."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from synapse_core.errors import WorkerLostError

__all__ = ["HeadWatch", "await_head"]

_PERIOD_S = 1.0
_TIMEOUT_S = 2.0
_PATIENCE_S = 5.0
_DOUBT_S = 3.0
"""A head that is busy or is being replaced may be silent for so long without anybody being told."""

_LOST_AFTER_S = 60.0
"""So long Ray's nodes wait for their head, too; then they end."""


def await_head(address: str, timeout_s: float = _PATIENCE_S) -> None:
    """Return when somebody listens there; Ray would try for a minute before it says that none does.

    Args:
        address: As it is given to Ray; what is no `host:port` is left to Ray.
        timeout_s: Seconds to try for.

    Raises:
        OSError: Nobody does.
    """
    until = time.monotonic() + timeout_s
    while ":" in address:
        try:
            _call(address)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(_PERIOD_S)
        else:
            return


class HeadWatch:
    """Calls the head every second.

    Args:
        cluster: Name of the cluster.
        address: `host:port` of its head, or `ray://host:port`.
        doubt_s: Seconds of silence after which it is taken for gone.
    """

    def __init__(self, cluster: str, address: str, *, doubt_s: float = _DOUBT_S) -> None:
        self._cluster = cluster
        self._doubt_s = doubt_s
        self._address = address
        self._answered_at = time.monotonic()

    def start(self, lost: Callable[[str], None]) -> None:
        """Begin to watch; it ends with this process.

        Args:
            lost: Called once there is nothing left to wait for.
        """
        threading.Thread(target=self._watch, args=(lost,), daemon=True).start()

    @property
    def is_silent(self) -> bool:
        """Whether what is asked of Ray may wait for long."""
        return self._silent_s > self._doubt_s

    def check(self) -> None:
        """Go on only when the head answers.

        Raises:
            WorkerLostError: It does not.
        """
        if self.is_silent:
            raise WorkerLostError(
                f"The head of the cluster {self._cluster!r} at {self._address} has not answered "
                f"for {self._silent_s:.0f} s: it was stopped, or the network to it is down.",
                hint="Start it again, or place the run elsewhere. Runs that are on the cluster go "
                "on for a minute without it.",
                cluster=self._cluster,
            )

    @property
    def _silent_s(self) -> float:
        return time.monotonic() - self._answered_at

    def _watch(self, lost: Callable[[str], None]) -> None:
        while self._silent_s < _LOST_AFTER_S:
            with contextlib.suppress(OSError):
                _call(self._address)
                self._answered_at = time.monotonic()
            time.sleep(_PERIOD_S)
        lost("The head")


def _call(address: str) -> None:
    """Connect and hang up.

    Raises:
        OSError: Nobody listens there.
    """
    host, _, port = address.rpartition("://")[2].partition("/")[0].rpartition(":")
    try:
        number = int(port)
    except ValueError as error:
        raise OSError(f"{address!r} has no port") from error
    socket.create_connection((host.strip("[]"), number), timeout=_TIMEOUT_S).close()

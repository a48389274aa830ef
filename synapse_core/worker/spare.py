"""A process forked ahead: the next run waits neither for a fork nor for what a run does first."""

import os
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.worker.orders import (
    MAX_ORDER_BYTES,
    RunOrder,
    parse_order,
    receive_line,
    send_line,
)
from synapse_core.worker.standby import Standby
from synapse_core.worker.tether import Tether

__all__ = ["Serve", "Spares"]

KEPT_S = 20.0
"""Whoever starts runs one after the other orders the next within seconds."""

_HANDING_S = 1.0
"""An order goes into the buffer of the socket at once, unless it is huge and nobody reads it."""

Serve = Callable[[RunOrder, Tether, Standby], None]
"""Executes an order in a process of its own."""


class Spares:
    """Keeps one fork of the zygote ahead of the orders, while they follow one another.

    Whoever is handed an order is a worker from then on, and is followed by another fork. One that
    was killed meanwhile is noticed, and the order executed by a new fork.

    Args:
        fork: Runs what it is given in a new process.
        serve: What the process does with the order that it is handed.
    """

    def __init__(self, fork: Callable[[Callable[[], None]], object], serve: Serve) -> None:
        self._fork = fork
        self._serve = serve
        self._channel: socket.socket | None = None
        self._last_order: RunOrder | None = None
        self._ordered_at = 0.0
        # Else another fork would keep one from noticing that it is not wanted any more.
        os.register_at_fork(after_in_child=self._dismiss)

    def hand(self, order: RunOrder, connection: socket.socket) -> bool:
        """Give an order to the process that waits; False when there is none, or it is not for it.

        Whoever orders a run away from home wants to know which process it is.

        Args:
            order: The order.
            connection: Where it came from, and what a tethered run hangs on.
        """
        if order.away is not None or self._channel is None:
            return False
        channel, self._channel = self._channel, None
        with channel:
            channel.settimeout(_HANDING_S)
            try:
                # The descriptor comes with a byte of its own, since an order may come in pieces.
                held = [connection.fileno()] if order.is_tethered else []
                socket.send_fds(channel, [b"\n"], held)
                send_line(channel, order)
            except OSError:
                return False
        return True

    def expect_another(self, order: RunOrder) -> None:
        """Fork the next one, when this order came soon after another."""
        if order.away is not None:
            return
        is_repeated = self._last_order is not None and not self._is_long_ago()
        self._last_order, self._ordered_at = order, time.monotonic()
        if self._channel is not None or not is_repeated:
            return
        ours, its = socket.socketpair()
        with its:
            self._fork(lambda: self._wait(ours, its, order))
        self._channel = ours

    def look(self) -> None:
        """Let the process go that nobody has given an order to for a while."""
        if self._is_long_ago():
            self._dismiss()

    def _is_long_ago(self) -> bool:
        return time.monotonic() - self._ordered_at > KEPT_S

    def _dismiss(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _wait(self, ours: socket.socket, its: socket.socket, like: RunOrder) -> None:
        """Be the process that waits; returns when it has done its duty, or there is none."""
        ours.close()
        with its:
            standby = Standby(its)
            if not _has_come(its):
                standby.rehearse(Home(Path(like.home)), like.run_id)
            order, descriptors = _receive(its)
        if order is None:
            standby.dismiss()
            return
        tether = socket.socket(fileno=descriptors[0]) if descriptors else None
        self._serve(order, Tether(tether), standby)


def _has_come(channel: socket.socket) -> bool:
    return bool(select.select([channel], [], [], 0)[0])


def _receive(channel: socket.socket) -> tuple[RunOrder | None, list[int]]:
    first, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    line = receive_line(channel, MAX_ORDER_BYTES) if first else b""
    order = parse_order(line) if line else None
    return (order if isinstance(order, RunOrder) else None), descriptors

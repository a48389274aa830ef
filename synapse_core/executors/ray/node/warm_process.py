"""A process that stays for one run after the other, as whoever holds its room sees it."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from synapse_core.config.home import Home
from synapse_core.errors import WorkerLostError
from synapse_core.executors.placement import Placements
from synapse_core.executors.ray.node.launch import visible_devices
from synapse_core.worker.orders import Away, StandingOrder, receive_line

__all__ = ["WarmProcess"]

_MAX_ANSWER_BYTES = 1 << 16


class WarmProcess:
    """Tells the process what to execute; it ends when this end of the connection is gone.

    Args:
        connection: The connection to it.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    @classmethod
    def start(
        cls, home: Home, plugin: Path, environ: Mapping[str, str], away: Away | None = None
    ) -> Self | None:
        """Start one in the environment of the plugin; None where its libraries are missing.

        Args:
            home: The home that it works in.
            plugin: Folder of the plugin on this machine.
            environ: Variables that it may see, and those for installers.
            away: How it reaches the runs, when this machine does not see their home.

        Raises:
            WorkerLostError: There is no process.
            DependencyError: The libraries that the plugin asks for cannot be had at all.
        """
        placement = Placements(home, environ, dict(visible_devices())).find(plugin)
        if placement.installer is not None:
            return None
        order = StandingOrder(str(home.root), placement.environ, away=away)
        try:
            return cls(placement.door.start_process(order)[0])
        except WorkerLostError:
            if placement.venv is None:
                raise
            # Its interpreter does not start any more: a run has it made anew.
            placement.venv.unseal()
            return None

    @property
    def has_ended(self) -> bool:
        """Whether it is gone, while it had nothing to do."""
        try:
            return not self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    def execute(self, run_ids: Sequence[str]) -> str:
        """Have it execute what is pending of these runs; return its name when all has ended.

        Empty when the process has ended over it. For no runs, it answers at once.
        """
        try:
            self._connection.sendall(f"{' '.join(run_ids)}\n".encode())
            return receive_line(self._connection, _MAX_ANSWER_BYTES).decode("ascii").strip()
        except (BrokenPipeError, ConnectionResetError):
            return ""

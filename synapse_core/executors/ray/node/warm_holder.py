"""What a Ray actor does: holds the room for a process that executes one run after another."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import WorkerLostError
from synapse_core.executors.placement import Placements
from synapse_core.executors.ray.node.arrival import check_sees_home
from synapse_core.executors.ray.node.launch import launch, visible_devices
from synapse_core.worker.orders import StandingOrder, receive_line

__all__ = ["WarmHolder"]

_MAX_ANSWER_BYTES = 1 << 16


class WarmHolder:
    """Holds one process, in the environment of the plugin.

    Args:
        home_root: Root of the home that holds the runs.
        mark: What stands in that home, by which this machine knows that it sees it.
        plugin_path: Folder of the plugin.
        environ: Variables of the door that ordered the first run.
    """

    def __init__(
        self, home_root: str, mark: str, plugin_path: str, environ: Mapping[str, str]
    ) -> None:
        self._home_root = home_root
        self._mark = mark
        self._plugin_path = plugin_path
        self._environ = dict(environ)
        self._host: socket.socket | None = None

    def is_there(self) -> bool:
        """Answer, which it does once it has got its room."""
        return True

    def execute(self, run_ids: Sequence[str]) -> None:
        """Execute what is pending of these runs, and return when all of it has ended.

        Raises:
            WorkerLostError: The process has ended; so must this actor.
            ConfigError: This machine does not see the home.
        """
        check_sees_home(self._home_root, self._mark)
        if self._host is None:
            self._host = self._start()
        if self._host is None:
            # The libraries are installed by the run itself; the next one finds them.
            for run_id in run_ids:
                launch(self._home_root, run_id, self._plugin_path, self._environ)
            return
        if not _tell(self._host, run_ids):
            raise WorkerLostError("The warm process of the plugin has ended.")

    def _start(self) -> socket.socket | None:
        """Return the connection to a process that stays; None where libraries are missing."""
        home = Home(Path(self._home_root))
        placements = Placements(home, self._environ, dict(visible_devices()))
        placement = placements.find(Path(self._plugin_path))
        if placement.installer is not None:
            return None
        order = StandingOrder(self._home_root, placement.environ)
        try:
            return placement.door.start_process(order)[0]
        except WorkerLostError:
            if placement.venv is None:
                raise
            # Its interpreter does not start any more: the run has it made anew.
            placement.venv.unseal()
            return None


def _tell(host: socket.socket, run_ids: Sequence[str]) -> bytes:
    """Have the runs executed; return nothing when the process has ended over it."""
    try:
        host.sendall(f"{' '.join(run_ids)}\n".encode())
        return receive_line(host, _MAX_ANSWER_BYTES)
    except (BrokenPipeError, ConnectionResetError):
        return b""

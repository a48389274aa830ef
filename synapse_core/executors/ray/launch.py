"""Starts the isolated worker of a run on the machine that Ray chose, and holds its place.

This is what a Ray task or a job executes. It never imports a plugin: the worker is forked by the
zygote of that machine, as for a run without Ray, and tied to this process by a tether.
"""

import os
import socket
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import WorkerLostError
from synapse_core.executors.placement import Placement, Placements
from synapse_core.worker.orders import RunOrder, receive_line, send_line

__all__ = ["launch", "visible_devices"]

ANSWER_TIMEOUT_S = 30.0
"""A zygote answers within milliseconds; this bounds the wait for one that is stuck."""

_MAX_ANSWER_BYTES = 1 << 16

_DEVICES = (
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "TPU_VISIBLE_CHIPS",
)
"""By these Ray says which accelerators were reserved; they count more than the door's own."""


def launch(home_root: str, run_id: str, plugin_path: str, environ: Mapping[str, str]) -> None:
    """Start the worker of a pending run and return when that worker has ended.

    When this process dies first, the worker ends within seconds and the run is recovered.

    Args:
        home_root: Root of the home that holds the run, on a disk this machine sees.
        run_id: The run.
        plugin_path: Folder of its plugin.
        environ: Variables of the door that ordered it.

    Raises:
        WorkerLostError: No worker could be started.
        DependencyError: The libraries that the plugin asks for cannot be had at all.
    """
    placements = _placements(home_root, tuple(sorted(environ.items())), visible_devices())
    plugin = Path(plugin_path)
    placement = placements.find(plugin)
    try:
        _hold(placement, home_root, run_id)
    except WorkerLostError:
        if placement.venv is None:
            raise
        # Its interpreter does not start any more: have it made anew.
        placement.venv.unseal()
        _hold(placements.find(plugin), home_root, run_id)


@lru_cache(maxsize=16)
def _placements(
    home_root: str, environ: tuple[tuple[str, str], ...], devices: tuple[tuple[str, str], ...]
) -> Placements:
    """Return them as they were for an earlier run: finding the zygote anew reads every source."""
    return Placements(Home(Path(home_root)), dict(environ), dict(devices))


def visible_devices() -> tuple[tuple[str, str], ...]:
    """Return the variables by which Ray says what this process has reserved."""
    return tuple((name, os.environ[name]) for name in _DEVICES if name in os.environ)


def _hold(placement: Placement, home_root: str, run_id: str) -> None:
    order = RunOrder(
        home_root, run_id, placement.environ, installer=placement.installer, is_tethered=True
    )
    for _ in range(2):  # the first may be killed between the connection and the answer
        with placement.door.connect(timeout_s=ANSWER_TIMEOUT_S) as connection:
            if _is_taken(connection, order):
                connection.settimeout(None)
                while connection.recv(1):
                    pass
                return
    raise WorkerLostError(
        "The worker process left twice without an answer.", hint="Run `synapse doctor`."
    )


def _is_taken(connection: socket.socket, order: RunOrder) -> bool:
    try:
        send_line(connection, order)
        # Byte by byte would be needed if anything followed the answer; nothing does.
        return bool(receive_line(connection, _MAX_ANSWER_BYTES))
    except (BrokenPipeError, ConnectionResetError):
        return False

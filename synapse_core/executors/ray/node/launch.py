"""Starts the isolated worker of a run on the machine that Ray chose, and holds its place.

This is what a Ray task or a job executes. It never imports a plugin: the worker is forked by the
zygote of that machine, as for a run without Ray, and tied to this process by a tether.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from synapse_core.config.home import Home
from synapse_core.errors import WorkerLostError
from synapse_core.executors.placement import Placement, Placements
from synapse_core.worker.orders import Away, RunOrder

__all__ = [
    "Meanwhile",
    "hold_worker",
    "launch",
    "visible_devices",
]

Meanwhile: TypeAlias = Callable[[str], AbstractContextManager[object]]
"""Entered with the name of a worker while it works."""

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
    hold_worker(home_root, run_id, Path(plugin_path), environ)


def hold_worker(
    home_root: str,
    run_id: str,
    plugin: Path,
    environ: Mapping[str, str],
    *,
    away: Away | None = None,
    meanwhile: Meanwhile = nullcontext,
) -> str:
    """Start a worker, and return its name when it has ended.

    Args:
        home_root: Root of the home that it works in.
        run_id: The run.
        plugin: Folder of its plugin.
        environ: Variables that it may see, and those for installers.
        away: How to reach the run, when this machine does not see its home.
        meanwhile: Entered with the name of the worker while it works; empty unless it is away.

    Raises:
        WorkerLostError: No worker could be started.
        DependencyError: The libraries that the plugin asks for cannot be had at all.
    """
    placements = _placements(home_root, tuple(sorted(environ.items())), visible_devices())
    placement = placements.find(plugin)
    try:
        return _hold(placement, home_root, run_id, away, meanwhile)
    except WorkerLostError:
        if placement.venv is None:
            raise
        # Its interpreter does not start any more: have it made anew.
        placement.venv.unseal()
        return _hold(placements.find(plugin), home_root, run_id, away, meanwhile)


@lru_cache(maxsize=16)
def _placements(
    home_root: str, environ: tuple[tuple[str, str], ...], devices: tuple[tuple[str, str], ...]
) -> Placements:
    """Return them as they were for an earlier run: finding the zygote anew reads every source."""
    return Placements(Home(Path(home_root)), dict(environ), dict(devices))


def visible_devices() -> tuple[tuple[str, str], ...]:
    """Return the variables by which Ray says what this process has reserved."""
    return tuple((name, os.environ[name]) for name in _DEVICES if name in os.environ)


def _hold(
    placement: Placement, home_root: str, run_id: str, away: Away | None, meanwhile: Meanwhile
) -> str:
    order = RunOrder(
        home_root,
        run_id,
        placement.environ,
        installer=placement.installer,
        is_tethered=True,
        away=away,
    )
    connection, answer = placement.door.start_process(order)
    worker = str(answer.get("worker", ""))
    with connection, meanwhile(worker):
        while connection.recv(1):
            pass
    return worker

"""What a Ray actor does: holds the room for a process that executes one run after another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from synapse_core.config.home import Home
from synapse_core.errors import WorkerLostError
from synapse_core.executors.ray.node.arrival import Arrival, is_at_home, take_order
from synapse_core.executors.ray.node.launch import launch
from synapse_core.executors.ray.node.sent import sent_by_ray
from synapse_core.executors.ray.node.warm_process import WarmProcess

__all__ = ["WarmHolder"]


class WarmHolder:
    """Holds one process, in the environment of the plugin.

    Args:
        told: Fields of an `Arrival`, for the first run.
        package: A reference to the plugin, in a list; empty where all machines see the home.
    """

    def __init__(self, told: dict[str, Any], package: list[Any]) -> None:
        self._told = told
        self._package = package
        self._host: _Host | None = None

    def is_there(self) -> bool:
        """Answer, which it does once it has got its room."""
        return True

    def execute(self, run_ids: Sequence[str]) -> None:
        """Execute what is pending of these runs, and return when all of it has ended.

        Raises:
            WorkerLostError: The process has ended; so must this actor.
            ConflictError: This machine has another version of Synapse.
            ConfigError: It does not see the home, and nothing tells where else the runs are kept.
            StoreUnavailableError: The service is away; what is left here is sent by a later run.
        """
        if self._host is None:
            self._host = _find_host(self._told, self._package)
            self._package.clear()  # else it stays in the memory of the cluster
        self._host.execute(run_ids)


class _Host(Protocol):
    def execute(self, run_ids: Sequence[str]) -> None: ...


def _find_host(told: dict[str, Any], package: list[Any]) -> _Host:
    order = take_order(told)
    if is_at_home(order):
        return _HostAtHome(order)
    # What speaks HTTP takes longer to import than all the rest, and few machines need it.
    from synapse_core.executors.ray.node.warm_away import WarmAway  # noqa: PLC0415 - see above

    return WarmAway(order, sent_by_ray(package)(order))


class _HostAtHome:
    """Has the process work in the home that has the runs."""

    def __init__(self, order: Arrival) -> None:
        self._order = order
        self._process: WarmProcess | None = None

    def execute(self, run_ids: Sequence[str]) -> None:
        order = self._order
        if self._process is None or self._process.has_ended:
            home = Home(Path(order.home))
            self._process = WarmProcess.start(home, Path(order.plugin_path), order.environ)
        if self._process is None:
            # The libraries are installed by the run itself; the next one finds them.
            for run_id in run_ids:
                launch(order.home, run_id, order.plugin_path, order.environ)
        elif not self._process.execute(run_ids):
            raise WorkerLostError("The warm process of the plugin has ended.")

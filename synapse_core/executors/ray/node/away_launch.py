"""Starts the worker of a run on a machine that does not share the disk with its home.

The worker works in a home of that machine, with the plugin as it was sent and with variables of
that machine. While it does, this process sends its events to the service that has the run.
"""

import os
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeAlias

from synapse_core.clients.sync_session import Session
from synapse_core.config.home import Home
from synapse_core.executors.ray.cluster.variables import launch_variables
from synapse_core.executors.ray.node.homecoming import bring_home, collect_leftovers
from synapse_core.executors.ray.node.launch import hold_worker
from synapse_core.executors.ray.node.unpacked import UnpackedPlugins
from synapse_core.runs.away import away_session
from synapse_core.runs.http import HttpReceiver
from synapse_core.runs.shipping import Shipper
from synapse_core.runs.unsent import find_note
from synapse_core.worker.orders import Away

__all__ = ["Hold", "Service", "launch_away", "node_home"]


@dataclass(frozen=True, slots=True)
class Service:
    """What has the runs.

    Attributes:
        url: Its address, as nodes reach it.
        token: Secret that opens it; empty for none.
    """

    url: str
    token: str = field(default="", repr=False)


Hold: TypeAlias = Callable[[UnpackedPlugins], AbstractContextManager[Path]]
"""Gives the folder of the plugin on this machine, and keeps it meanwhile."""


def launch_away(run_id: str, service: Service, hold: Hold) -> None:
    """Start the worker of a pending run and return when it has ended and all of it is home.

    Args:
        run_id: The run.
        service: What has it.
        hold: Gives the plugin, from what this machine has unpacked before or from elsewhere.

    Raises:
        WorkerLostError: No worker could be started.
        DependencyError: The libraries that the plugin asks for cannot be had at all.
        InvalidInputError: The plugin did not arrive whole.
        StoreUnavailableError: The service is away; what is left here is sent by a later run.
    """
    home = node_home()
    home.ensure()
    session = _session(service)
    threading.Thread(target=collect_leftovers, args=(home, session), daemon=True).start()
    with hold(UnpackedPlugins(home.cache_dir)) as plugin:
        worker = hold_worker(
            str(home.root),
            run_id,
            plugin,
            launch_variables(os.environ),
            away=Away(service.url, service.token, str(plugin)),
            meanwhile=partial(_sending, home, session, run_id),
        )
        left = find_note(home, run_id)
        if left is not None and left.owner == worker:
            bring_home(home, session, left)


def node_home() -> Home:
    """Return the home that workers of this machine work in when they are away from theirs."""
    return Home(Home.locate(os.environ).root / "away")


@contextmanager
def _sending(home: Home, session: Session, run_id: str, worker: str) -> Generator[None]:
    receiver = HttpReceiver(session, run_id, worker)
    with Shipper(home.journal(run_id), receiver):
        yield


@lru_cache(maxsize=4)
def _session(service: Service) -> Session:
    return away_session(service.url, service.token)

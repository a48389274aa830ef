"""Holds a process that stays on a machine that does not see the home of its runs.

While it works, what it says is sent from here: user code may hold the interpreter there. Should it
die, this process settles its run, as it does for an isolated worker.
"""

import os
import threading
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext

from synapse_core.errors import WorkerLostError
from synapse_core.executors.ray.cluster.variables import launch_variables
from synapse_core.executors.ray.node.arrival import Arrival
from synapse_core.executors.ray.node.away_launch import Hold, Service, launch_away, node_home
from synapse_core.executors.ray.node.homecoming import bring_home, collect_leftovers
from synapse_core.executors.ray.node.unpacked import UnpackedPlugins
from synapse_core.executors.ray.node.warm_process import WarmProcess
from synapse_core.runs.away import away_session
from synapse_core.runs.http import HttpReceiver
from synapse_core.runs.shipping import Shipper
from synapse_core.runs.unsent import find_note
from synapse_core.worker.orders import Away

__all__ = ["WarmAway"]


class WarmAway:
    """Executes runs in a process that works in the home of this machine.

    Args:
        order: What this machine is told of the first run.
        hold: Gives the plugin; it is kept until this process ends.
    """

    def __init__(self, order: Arrival, hold: Hold) -> None:
        self._service = Service(order.service_url, order.service_token)
        self._session = away_session(order.service_url, order.service_token)
        self._home = node_home()
        self._home.ensure()
        self._held = ExitStack()
        self._plugin = self._held.enter_context(hold(UnpackedPlugins(self._home.cache_dir)))
        self._process: WarmProcess | None = None
        self._name = ""

    def execute(self, run_ids: Sequence[str]) -> None:
        """Execute what is pending of these runs; return when all has ended and is home.

        When the process dies over a run, the next one gets another.

        Raises:
            WorkerLostError: No process could be started, or it died before it began with a run.
            DependencyError: The libraries that the plugin asks for cannot be had at all.
            StoreUnavailableError: The service is away; what is left here is sent by a later run.
        """
        collecting = (self._home, self._session)
        threading.Thread(target=collect_leftovers, args=collecting, daemon=True).start()
        for run_id in run_ids:
            process = self._living_process()
            if process is None:
                # The libraries are installed by the run itself; the next one finds them.
                launch_away(run_id, self._service, lambda _: nullcontext(self._plugin))
            else:
                self._execute(process, run_id)

    def _execute(self, process: WarmProcess, run_id: str) -> None:
        receiver = HttpReceiver(self._session, run_id, self._name)
        shipper = Shipper(self._home.journal(run_id), receiver)
        try:
            is_whole = bool(process.execute([run_id]))
        finally:
            shipper.leave()
        left = find_note(self._home, run_id)
        if left is not None and left.owner == self._name:
            bring_home(self._home, self._session, left, leaving_s=0.0)
        elif not is_whole:
            raise WorkerLostError("The warm process of the plugin has ended.")

    def _living_process(self) -> WarmProcess | None:
        if self._process is None or self._process.has_ended:
            away = Away(self._service.url, self._service.token, str(self._plugin))
            environ = launch_variables(os.environ)
            self._process = WarmProcess.start(self._home, self._plugin, environ, away)
            self._name = self._process.execute(()) if self._process is not None else ""
        return self._process

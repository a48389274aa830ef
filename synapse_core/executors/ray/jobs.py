"""Places runs as jobs on a Ray cluster: they outlive every process here, and are found again."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import InvalidInputError, SynapseError
from synapse_core.executors.ray.cluster.orders import LaunchOrder
from synapse_core.executors.ray.cluster.packing import PackedPlugins
from synapse_core.executors.ray.cluster.places import Cluster
from synapse_core.executors.ray.cluster.variables import launch_variables
from synapse_core.executors.ray.driver.door import WAKE_TIMEOUT_S, DriverDoor
from synapse_core.executors.ray.job.api import JobsApi
from synapse_core.executors.ray.job.order import stop_job, submit_away_job, submit_job
from synapse_core.executors.ray.job.told import JobOrder
from synapse_core.model.run import Run

__all__ = ["RayJobs"]


class RayJobs:
    """Implements `Executor` with the Jobs API of one cluster.

    Args:
        home: Where the runs lie; nodes that do not see it under the same path need the service
            of the cluster.
        environ: Variables of the calling process.
        cluster: Where to place them.
        name: The name a caller picks this executor by.
    """

    def __init__(
        self, home: Home, environ: Mapping[str, str], cluster: Cluster, *, name: str
    ) -> None:
        self.name = name
        self._home = home
        self._environ = environ
        self._packages = PackedPlugins(home.cache_dir)
        self.door = DriverDoor(home, environ, cluster)

    def submit(self, run: Run) -> None:
        """Submit a job that executes the pending run; idempotent.

        Raises:
            MissingExtraError: A cluster is to be started here, and Ray is not installed.
            InvalidInputError: Nothing tells where the cluster's Jobs API is.
            UnauthorizedError: The cluster refuses the token.
            WorkerLostError: The cluster cannot be reached.
            TooLargeError: The plugin is larger than what can be sent.
        """
        environ = launch_variables(self._environ)
        cluster = self.door.cluster
        if cluster.is_ours:
            # It may have to come up first, and this call is not to wait for that.
            self.door.ask(LaunchOrder.of(run, environ, tier="job"))
            return
        order = JobOrder(plugin_path=run.plugin_path, environ=environ)
        if not cluster.service_url:
            submit_job(self.api(), self._home, run, order)
            return
        packed = self._packages.packed(Path(run.plugin_path))
        submit_away_job(self.api(), self._home, run, order, cluster, packed)

    def api(self) -> JobsApi:
        """Return the Jobs API of the cluster, which is started if it is ours.

        Raises:
            InvalidInputError: Nothing tells where it is.
        """
        cluster = self.door.cluster
        url = cluster.dashboard_url
        if cluster.is_ours:
            url = str(self.door.up()["dashboard_url"])
        if not url:
            raise InvalidInputError(
                f"Nothing tells where the dashboard of the cluster {cluster.name!r} is.",
                hint="Add `dashboard: http://host:8265` to the cluster in the configuration.",
                cluster=cluster.name,
            )
        return JobsApi(url, self.door.token())

    def cancel(self, run: Run) -> None:
        """Make the run's worker look at the store now; it does so every 2 s in any case."""
        if run.owner is None or self.door.wake(run.owner) or self.door.cluster.is_ours:
            return
        with contextlib.suppress(SynapseError):  # as above
            stop_job(replace(self.api(), timeout_s=WAKE_TIMEOUT_S), run)

    def close(self) -> None:
        """Do nothing: nothing is held."""

"""Places runs on a Ray cluster: Ray finds the room, an isolated worker there executes."""

from collections.abc import Mapping, Sequence

from synapse_core.config.home import Home
from synapse_core.executors.ray.cluster.orders import LaunchManyOrder, LaunchOrder
from synapse_core.executors.ray.cluster.places import Cluster
from synapse_core.executors.ray.cluster.variables import launch_variables
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.model.run import Run

__all__ = ["RayLauncher"]


class RayLauncher:
    """Implements `Executor` with the driver of one cluster.

    A run on it is one Ray task that reserves what the action asks for and holds the worker, so
    isolation, log, cancelling and time-outs are those of a run without Ray.

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
        self._environ = environ
        self.door = DriverDoor(home, environ, cluster)

    def submit(self, run: Run) -> None:
        """Hand the pending run to the driver; idempotent.

        Raises:
            MissingExtraError: Ray is not installed.
            InvalidInputError: No node has what the run asks for, or can execute it.
            WorkerLostError: The cluster cannot be reached.
        """
        self.door.ask(self._order(run))

    def submit_many(self, runs: Sequence[Run]) -> None:
        """Hand over pending runs of one action that differ in their params only; see `submit`."""
        run_ids = [run.id for run in runs]
        self.door.ask(LaunchManyOrder(run_ids=run_ids, like=self._order(runs[0])))

    def _order(self, run: Run) -> LaunchOrder:
        return LaunchOrder.of(
            run,
            launch_variables(self._environ),
            tier="task",
            cluster=self.door.cluster,
        )

    def cancel(self, run: Run) -> None:
        """Make the run's worker look at the store now; it does so every 2 s in any case."""
        if run.owner is not None:
            self.door.wake(run.owner)

    def close(self) -> None:
        """Do nothing: connections last for one order, and the driver is shared."""

"""The same with Ray alone."""

import os
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from rooms import SHARE

from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.executors.ray.job.api import ENDED, JobsApi


class BareRay:
    """Ray itself, connected to the cluster of the driver.

    Args:
        door: Leads to the driver.
    """

    def __init__(self, door: DriverDoor) -> None:
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=door.token())
        # It has no types that are here everywhere.
        self._ray: Any = import_module("ray")
        status = door.up()
        self._ray.init(address=status["address"], log_to_driver=False, configure_logging=False)
        self._api = JobsApi(str(status["dashboard_url"]), door.token())
        self._task, self._class = self._ray.remote(_task()), self._ray.remote(_actor())
        cores = int(self._ray.cluster_resources()["CPU"])
        # They take no room from the runs.
        self._actors = [self._class.options(num_cpus=0).remote() for _ in range(cores)]
        self._jobs = 0

    def run_task(self) -> None:
        """Have a task run."""
        self._ray.get(self._task.remote(1))

    def call(self) -> None:
        """Call an actor."""
        self._ray.get(self._actors[0].call.remote(1))

    def call_many(self, count: int) -> None:
        """Call all actors in turns, without waiting between the calls."""
        actors = self._actors
        calls = [actors[number % len(actors)].call.remote(number) for number in range(count)]
        assert self._ray.get(calls) == list(range(count))

    def create(self) -> None:
        """Create an actor with the room of a run, and call it once."""
        actor = self._class.options(num_cpus=SHARE).remote()
        self._ray.get(actor.call.remote(1))
        self._ray.kill(actor)

    def run_job(self) -> None:
        """Submit `true`, and wait for its end as closely as the API tells it."""
        self._jobs += 1
        job_id = f"bare-{self._jobs}"
        self._api.submit(job_id, "true")
        while (info := self._api.find(job_id)) is None or info.status not in ENDED:
            time.sleep(0.005)

    def close(self) -> None:
        """Leave the cluster."""
        self._ray.shutdown()


# What is defined within a function is sent to the workers, which do not see this module.
def _task() -> Callable[[int], int]:
    def same(number: int) -> int:
        return number

    return same


def _actor() -> type:
    class Same:
        def call(self, number: int) -> int:
            return number

    return Same

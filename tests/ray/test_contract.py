"""Runs on Ray keep the contract of executors."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.config.home import Home
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.testing.contracts.executing import Bench
from synapse_core.testing.contracts.executor import ExecutorContract
from synapse_core.testing.contracts.executor_attempts import AttemptsContract
from synapse_core.workspace import open_workspace


class _OnRay:
    executor = ""

    @pytest.fixture
    def bench(self, ray_home: Home, door: DriverDoor, ray_root: Path) -> Iterator[Bench]:
        del door
        folder = ray_root / "bench"
        with open_workspace(ray_home.root, [folder]) as workspace:
            bench = Bench(workspace, self.executor, folder)
            if not folder.exists():
                bench.write_plugin()
            yield bench


class TestRunsHeldByTasks(_OnRay, ExecutorContract):
    executor = "actor"


class TestRunsHeldByJobs(_OnRay, AttemptsContract):
    """What actions return is up to the worker, which is the same; each job takes seconds."""

    executor = "job"

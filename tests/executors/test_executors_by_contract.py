"""The contract of `Executor`, on the executors of this machine."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from synapse_core.executors.in_process import InProcessExecutor
from synapse_core.testing.contracts.executing import Bench
from synapse_core.testing.contracts.executor import ExecutorContract
from synapse_core.workspace import open_workspace


class TestProcessExecutor(ExecutorContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        with open_workspace(tmp_path / "home", [tmp_path / "plugins"]) as workspace:
            bench = Bench(workspace, "process", tmp_path / "plugins" / "bench")
            bench.write_plugin()
            yield bench


class TestInProcessExecutor(ExecutorContract):
    can_kill = False

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        with open_workspace(tmp_path / "home", [tmp_path / "plugins"]) as workspace:
            executor = InProcessExecutor(workspace.home, workspace.runs)
            offering = replace(workspace, executors={executor.name: executor})
            bench = Bench(offering, executor.name, tmp_path / "plugins" / "bench")
            bench.write_plugin()
            yield bench
            executor.close()

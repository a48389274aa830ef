"""What every `Executor` must do, seen through the operations.

Derive from `ExecutorContract` and override its fixture `bench`; pytest does the rest:

    class TestMyExecutor(ExecutorContract):
        @pytest.fixture
        def bench(self, tmp_path: Path) -> Iterator[Bench]:
            with open_workspace(tmp_path / "home", [tmp_path / "plugins"]) as workspace:
                bench = Bench(workspace, "mine", tmp_path / "plugins" / "bench")
                bench.write_plugin()
                yield bench
"""

import pytest

from synapse_core.testing.contracts.executing import Bench
from synapse_core.testing.contracts.executor_attempts import AttemptsContract
from synapse_core.testing.contracts.executor_results import ResultsContract

__all__ = ["ExecutorContract"]


class ExecutorContract(ResultsContract, AttemptsContract):
    """Every sentence of `Executor`, and what actions may rely on, as tests."""

    @pytest.fixture
    def bench(self) -> Bench:
        """Return a bench with its plugin written; to be overridden."""
        raise NotImplementedError

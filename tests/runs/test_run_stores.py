"""The contract of `RunStore`, on every store there is."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.ports import ManyRuns, RunStore
from synapse_core.runs.store.memory import MemoryRunStore
from synapse_core.runs.store.sqlite import SqliteRunStore
from synapse_core.testing.contracts.many_runs import ManyRunsContract
from synapse_core.testing.contracts.run_store import RunStoreContract


class TestMemoryRunStore(RunStoreContract):
    @pytest.fixture
    def store(self) -> RunStore:
        return MemoryRunStore()


class TestSqliteRunStore(RunStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[RunStore]:
        store = SqliteRunStore(tmp_path / "runs.db")
        yield store
        store.close()


class TestManyRunsOfSqlite(ManyRunsContract):
    @pytest.fixture
    def pair(self, tmp_path: Path) -> Iterator[tuple[RunStore, ManyRuns]]:
        store = SqliteRunStore(tmp_path / "runs.db")
        yield store, store.many
        store.close()


def test_testing_can_be_imported_without_pytest() -> None:
    code = "import synapse_core.testing, sys; sys.exit('pytest' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

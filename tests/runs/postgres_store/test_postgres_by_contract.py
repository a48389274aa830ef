"""The contracts of `RunStore` and `ManyRuns`, on a real PostgreSQL server."""

from collections.abc import Callable

import pytest

from synapse_core.ports import ManyRuns, RunStore
from synapse_core.runs.store.postgres import PostgresRunStore
from synapse_core.testing.contracts.many_runs import ManyRunsContract
from synapse_core.testing.contracts.run_store import RunStoreContract

pytestmark = pytest.mark.xdist_group("postgres")


class TestPostgresRunStore(RunStoreContract):
    @pytest.fixture
    def store(self, open_store: Callable[[], PostgresRunStore]) -> RunStore:
        return open_store()


class TestManyRunsOfPostgres(ManyRunsContract):
    @pytest.fixture
    def pair(self, open_store: Callable[[], PostgresRunStore]) -> tuple[RunStore, ManyRuns]:
        store = open_store()
        return store, store.many

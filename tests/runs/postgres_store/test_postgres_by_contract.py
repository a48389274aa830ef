"""The contract of `RunStore`, on a real PostgreSQL server."""

from collections.abc import Callable

import pytest

from synapse_core.ports import RunStore
from synapse_core.runs.store.postgres import PostgresRunStore
from synapse_core.testing.contracts.run_store import RunStoreContract

pytestmark = pytest.mark.xdist_group("postgres")


class TestPostgresRunStore(RunStoreContract):
    @pytest.fixture
    def store(self, open_store: Callable[[], PostgresRunStore]) -> RunStore:
        return open_store()

"""The server of the tests, and stores on it."""

from collections.abc import Callable, Iterator

import pytest

from synapse_core.runs.store.postgres import PostgresRunStore
from tests.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture
def open_store(postgres_url: str) -> Iterator[Callable[[], PostgresRunStore]]:
    """Return what opens the same store again and again."""
    opened: list[PostgresRunStore] = []

    def open_one() -> PostgresRunStore:
        opened.append(PostgresRunStore(postgres_url))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], PostgresRunStore]) -> PostgresRunStore:
    """Return an empty store."""
    return open_store()

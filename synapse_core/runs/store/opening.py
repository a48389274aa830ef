"""Opens the run store of a home, wherever the home keeps its runs."""

from typing import Protocol

from synapse_core.config.home import Home
from synapse_core.config.store_place import recorded_store
from synapse_core.ports import ManyRuns, RunStore
from synapse_core.runs.store.sqlite import SqliteRunStore

__all__ = ["OpenRunStore", "open_run_store"]


class OpenRunStore(RunStore, Protocol):
    """A run store that is to be closed."""

    @property
    def many(self) -> ManyRuns:
        """What it does to many runs at once."""
        ...

    def close(self) -> None:
        """Let go of what it holds; it cannot be used any more."""
        ...


def open_run_store(home: Home) -> OpenRunStore:
    """Return the run store: a file in the home, or the database that the home names.

    Nothing is connected to before it is used.

    Raises:
        ConfigError: What the home names is no address of a store.
        MissingExtraError: What speaks with PostgreSQL is not installed.
        StorageError: The home cannot be read.
    """
    url = recorded_store(home)
    if url is None:
        return SqliteRunStore(home.database)
    # A tenth of a millisecond on a path that every run takes, for those who have a database server.
    from synapse_core.runs.store.postgres import PostgresRunStore  # noqa: PLC0415 - see above

    return PostgresRunStore(url)

"""What stands ready for a run that nobody has ordered yet."""

import contextlib

from synapse_core.config.home import Home
from synapse_core.errors import SynapseError
from synapse_core.runs.endings import last_word
from synapse_core.runs.processes import this_worker
from synapse_core.runs.reading import Journals
from synapse_core.runs.store.opening import OpenRunStore, open_run_store
from synapse_core.runs.store.sqlite import SqliteRunStore
from synapse_core.worker.attempt_process import AttemptProcess, Closes

__all__ = ["Standby"]


class Standby:
    """A process for the first attempt, and the store of the home whose run is expected.

    Args:
        let_go: What the process has no use for.
    """

    def __init__(self, *let_go: Closes) -> None:
        # First, so that the memory which this process touches from here on is its own at once.
        self.process = AttemptProcess.fork(None, let_go)
        self._home: Home | None = None
        self._store: OpenRunStore | None = None

    def rehearse(self, home: Home, run_id: str) -> None:
        """Do what owning a run begins and ends with, and keep the store open.

        A database server is left alone: it counts those who are connected.

        Args:
            home: The home whose run is expected.
            run_id: A run of it.
        """
        # Whatever is wrong is told by the run that meets it, which may have been ordered by now.
        with contextlib.suppress(SynapseError, OSError):
            this_worker()
            if home.store_file.exists() or not home.database.exists():
                return
            self._home, self._store = home, SqliteRunStore(home.database)
            self._store.get(run_id)
            last_word(Journals(home), run_id)

    def store_of(self, home: Home) -> OpenRunStore:
        """Return the store of a home, which may be another than was expected.

        Raises:
            ConfigError: What the home names is no address of a store.
            MissingExtraError: What speaks with PostgreSQL is not installed.
            StorageError: The home cannot be read.
        """
        if self._store is not None and self._home == home and not home.store_file.exists():
            return self._store
        return open_run_store(home)

    def dismiss(self) -> None:
        """Let go of all of it: no run was ordered."""
        self.process.dismiss()
        if self._store is not None:
            self._store.close()

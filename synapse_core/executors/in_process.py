"""Places runs in threads of this process: for tests, notebooks and debuggers.

A run placed here can be stepped through, and it can take this process down with it. Only
what goes through the context, `logging` and `warnings` is captured. Stopping is cooperative: an
action that never asks whether it shall stop runs to its end.
"""

import logging
import threading

from synapse_core.config.home import Home
from synapse_core.errors import LeaseLostError
from synapse_core.executors.threaded_run import LEASE_S, ThreadedRun
from synapse_core.model.run import Run
from synapse_core.ports import RunStore
from synapse_core.runs.processes import this_worker

__all__ = ["InProcessExecutor"]

_log = logging.getLogger(__name__)


class InProcessExecutor:
    """Implements `Executor` with a thread per run.

    Args:
        home: Where the runs lie.
        store: The store that holds them.
    """

    name = "in-process"

    def __init__(self, home: Home, store: RunStore) -> None:
        self._home = home
        self._store = store
        self._runs: dict[str, ThreadedRun] = {}
        self._threads: list[threading.Thread] = []
        # Imports of a plugin change process-wide state, so attempts are made one at a time.
        self._turn = threading.Lock()

    def submit(self, run: Run) -> None:
        """Execute the pending run in a thread."""
        thread = threading.Thread(target=self._own, args=(run.id,), name=f"synapse-{run.id}")
        self._threads.append(thread)
        thread.start()

    def cancel(self, run: Run) -> None:
        """Tell the action; it stops where it next asks."""
        owned = self._runs.get(run.id)
        if owned is not None:
            owned.look_now()

    def close(self) -> None:
        """Wait for the runs placed here."""
        for thread in self._threads:
            thread.join()

    def _own(self, run_id: str) -> None:
        owner = str(this_worker())
        with self._turn:
            run = self._store.claim(run_id, owner=owner, lease_s=LEASE_S)
        if run is None:
            return
        owned = self._runs[run_id] = ThreadedRun(
            self._home, self._store, run, owner=owner, turn=self._turn
        )
        try:
            owned.run_to_its_end()
        except LeaseLostError:
            # Somebody took the run for dead; what it is now is theirs to say.
            _log.warning("Lost the lease", extra={"action": "lease_lost", "run_id": run_id})
        finally:
            del self._runs[run_id]

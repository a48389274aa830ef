"""Places runs in threads of this process: for tests, notebooks and debuggers.

A run placed here can be stepped through, and it can take this process down with it. Only
what goes through the context, `logging` and `warnings` is captured; cancelling is cooperative.
"""

import threading
from dataclasses import asdict
from pathlib import Path

from synapse_core.actions.failure import describe_failure
from synapse_core.actions.invoke import invoke
from synapse_core.actions.loading import isolated_modules, load_action
from synapse_core.actions.results import result_to_json
from synapse_core.config.home import Home
from synapse_core.errors import RunCancelledError
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, Run, RunFailure, RunStatus, RunSummary
from synapse_core.ports import RunStore
from synapse_core.runs.endings import terminal_status
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.processes import this_worker
from synapse_core.runs.reading import Journals
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.checkpoints import inherited_checkpoints
from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.env import PluginEnvironment
from synapse_core.runtime.logging_bridge import bridge_logging
from synapse_core.types import JSONValue

__all__ = ["InProcessExecutor"]

LEASE_S = 3600.0
"""The owner is this process: whether it lives is seen directly, the lease is a formality."""


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
        self._tokens: dict[str, CancelToken] = {}
        self._threads: list[threading.Thread] = []
        # Imports of a plugin change process-wide state, so attempts are made one at a time.
        self._one_at_a_time = threading.Lock()

    def submit(self, run: Run) -> None:
        """Execute the pending run in a thread."""
        self._tokens[run.id] = CancelToken()
        thread = threading.Thread(target=self._own, args=(run.id,), name=f"synapse-{run.id}")
        self._threads.append(thread)
        thread.start()

    def cancel(self, run: Run) -> None:
        """Tell the action; it stops where it next asks."""
        token = self._tokens.get(run.id)
        if token is not None:
            token.set()

    def close(self) -> None:
        """Wait for the runs placed here."""
        for thread in self._threads:
            thread.join()

    def _own(self, run_id: str) -> None:
        with self._one_at_a_time:
            owner = str(this_worker())
            run = self._store.claim(run_id, owner=owner, lease_s=LEASE_S)
            if run is not None:
                self._execute(run, owner)
        del self._tokens[run_id]

    def _execute(self, run: Run, owner: str) -> None:
        for folder in (self._home.artifacts(run.id), self._home.work(run.id)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        redactor = Redactor.for_run(run.env, run.params)
        with JournalWriter.open(self._home.journal(run.id), redactor=redactor) as writer:
            writer.emit(EventKind.STATUS, {"status": RunStatus.RUNNING, "attempt": run.attempt})
            outcome = self._attempt(run, writer)
            writer.emit(EventKind.STATUS, terminal_status(outcome, run.attempt))
        summary = Journals(self._home).summarise(run.id, RunSummary())
        self._store.finish(run.id, outcome, owner=owner, summary=summary)

    def _attempt(self, run: Run, writer: JournalWriter) -> Outcome:
        try:
            result = self._call(run, writer)
        except RunCancelledError:
            return Outcome(RunStatus.CANCELLED)
        except BaseException as error:  # noqa: BLE001 - an exit of user code is an outcome too
            failure: RunFailure = describe_failure(error, Path(run.plugin_path))
            writer.emit(EventKind.ERROR, asdict(failure))
            return Outcome(RunStatus.FAILED, failure=failure)
        writer.emit(EventKind.OUTPUT, {"result": result})
        return Outcome(RunStatus.SUCCEEDED, result=result)

    def _call(self, run: Run, writer: JournalWriter) -> JSONValue:
        folder = Path(run.plugin_path)
        with isolated_modules(folder), bridge_logging(writer):
            action = load_action(folder, run.entrypoint)
            with RuntimeContext(
                writer,
                env=PluginEnvironment(run.env),
                job_id=run.id,
                folder=self._home.run_dir(run.id),
                cancel=self._tokens[run.id],
                checkpoints=inherited_checkpoints(Journals(self._home), run, attempt=run.attempt),
            ) as context:
                return result_to_json(invoke(action, run.params, context))

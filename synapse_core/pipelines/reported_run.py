"""A run of a service that this process executes and reports."""

import logging
import threading
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from synapse_core.actions.failure import describe_failure
from synapse_core.clients.sync_session import Session
from synapse_core.config.home import Home
from synapse_core.errors import LeaseLostError, RunCancelledError, SynapseError
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, Run, RunStatus, RunSummary
from synapse_core.runs.away import AWAY_LEASE_S, AwayStore
from synapse_core.runs.endings import terminal_status
from synapse_core.runs.http import HttpReceiver
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.processes import this_worker
from synapse_core.runs.reading import Journals
from synapse_core.runs.shipping import Shipper
from synapse_core.runs.unsent import remove_note
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.env import PluginEnvironment

__all__ = ["ReportedRun", "outcome_of"]

_BEAT_S = 2.0
_FLUSH_S = 60.0

_log = logging.getLogger(__name__)


def outcome_of(error: BaseException) -> Outcome:
    """Return how a run ended that something was raised in."""
    if isinstance(error, RunCancelledError):
        return Outcome(RunStatus.CANCELLED)
    return Outcome(RunStatus.FAILED, failure=describe_failure(error, Path.cwd()))


class ReportedRun:
    """Owns a pending run from now on, keeps its lease, and sends what it says.

    Args:
        session: The connection to the service.
        home: Where events are recorded on this machine, before they are sent.
        run: The run, pending.
        cancel: Is set when somebody asks the run to stop.

    Attributes:
        id: Its id.
        context: What reports on it.

    Raises:
        LeaseLostError: Another process owns it, or it has ended.
    """

    def __init__(self, session: Session, home: Home, run: Run, cancel: CancelToken) -> None:
        self._store = AwayStore(session, home)
        self._owner = str(this_worker())
        self._home = home
        claimed = self._store.claim(run.id, owner=self._owner, lease_s=AWAY_LEASE_S)
        if claimed is None:
            raise LeaseLostError(
                f"Run {run.id} is executed by another process, or has ended.",
                hint="Begin another one.",
                run_id=run.id,
            )
        self.id = claimed.id
        self._attempt = claimed.attempt
        self._cancel = cancel
        self._stop = threading.Event()
        self._stack = ExitStack()
        folder = home.run_dir(self.id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._journal = self._stack.enter_context(
            JournalWriter.open(
                home.journal(self.id), redactor=Redactor.for_run(run.env, run.params)
            )
        )
        status = {"status": RunStatus.RUNNING, "attempt": claimed.attempt}
        self._journal.emit(EventKind.STATUS, {**status})
        receiver = HttpReceiver(session, self.id, self._owner)
        self._shipper = Shipper(home.journal(self.id), receiver)
        self.context = self._stack.enter_context(
            RuntimeContext(
                self._journal,
                env=PluginEnvironment(run.env),
                job_id=self.id,
                folder=folder,
                cancel=cancel,
            )
        )
        self._beating = threading.Thread(target=self._beat, name=f"lease {self.id}", daemon=True)
        self._beating.start()

    def end(self, outcome: Outcome) -> Run:
        """Record how it ended, send all that is left, and end it in the service.

        Raises:
            LeaseLostError: The service has taken this process for dead, and settled the run.
            StoreUnavailableError: The service cannot be reached; what it lacks stays recorded here.
        """
        self._stop.set()
        self._beating.join()
        self.context.close()
        if outcome.status is RunStatus.SUCCEEDED:
            self._journal.emit(EventKind.OUTPUT, {"result": outcome.result})
        elif outcome.failure is not None:
            self._journal.emit(EventKind.ERROR, asdict(outcome.failure))
        self._journal.emit(EventKind.STATUS, terminal_status(outcome, self._attempt))
        self._stack.close()
        self._shipper.close(_FLUSH_S)
        summary = Journals(self._home).summarise(self.id, RunSummary())
        ended = self._store.finish(self.id, outcome, owner=self._owner, summary=summary)
        remove_note(self._home, self.id)
        return ended

    def _beat(self) -> None:
        while not self._stop.wait(_BEAT_S):
            try:
                run = self._store.heartbeat(self.id, owner=self._owner, lease_s=AWAY_LEASE_S)
            except LeaseLostError:
                _log.warning("The service has taken run %s from this process", self.id)
                self._cancel.set()
                return
            except SynapseError:
                # The next beat may reach it; the lease outlives many missed ones.
                _log.warning("Missed a heartbeat of run %s", self.id, exc_info=True)
                continue
            if run.cancel_requested_at is not None:
                self._cancel.set()

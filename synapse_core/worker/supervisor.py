"""The process that owns one run: claims it, lets attempts be made, and records how it ended.

It never imports a plugin, so nothing a plugin does can keep it from its duties: heartbeats go on
while user code holds the interpreter, a time-out is kept, and a crash is put on record.
"""

import contextlib
import logging
import signal
import time
from collections.abc import Callable
from dataclasses import replace

from synapse_core.config.home import Home
from synapse_core.errors import LeaseLostError, StorageError, StoreUnavailableError
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, Run, RunKind, RunStatus, RunSummary
from synapse_core.ports import RunStore
from synapse_core.runs.captured import OutputReader, last_offset
from synapse_core.runs.endings import terminal_status
from synapse_core.runs.forwarding import ForwardedEvents
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.nodes import ring_bell, stop_nodes
from synapse_core.runs.processes import this_worker, worker_of
from synapse_core.runs.reading import Journals
from synapse_core.runs.recovery import remove_worker_note, write_worker_note
from synapse_core.runs.store.opening import open_run_store
from synapse_core.types import JSONObject
from synapse_core.worker.attempt import HEARTBEAT_S, Attempt, AttemptEnd, StopReason
from synapse_core.worker.attempt_process import AttemptProcess
from synapse_core.worker.changeover import continue_in
from synapse_core.worker.child import Assignment
from synapse_core.worker.inbox import SignalInbox
from synapse_core.worker.isolation import adopt_orphans
from synapse_core.worker.orders import Away
from synapse_core.worker.outcome import decide_outcome, is_worth_repeating
from synapse_core.worker.standby import Standby
from synapse_core.worker.tether import Tether

__all__ = ["resume", "supervise"]

LEASE_S = 15.0
"""Seven missed heartbeats: a busy machine keeps its runs, a dead one gives them up soon."""

FINISH_PATIENCE_S = 600.0
"""How long an ended run waits for a store that is full or locked before recovery must do it."""

_log = logging.getLogger(__name__)


def supervise(
    home: Home,
    run_id: str,
    environ: dict[str, str],
    *,
    installer: dict[str, str] | None = None,
    tether: Tether | None = None,
    away: Away | None = None,
    standby: Standby | None = None,
) -> None:
    """Own the run until it has ended; returns at once when another worker was first.

    Args:
        home: Where the run lies.
        run_id: The run.
        environ: Variables of the door that ordered it.
        installer: Variables for the installer of the plugin's libraries, when they are missing;
            once they are there, this process goes on in their interpreter, with `resume`.
        tether: Leads to whoever the run depends on. When it is cut, this process ends what is there
            of the run and leaves; the run is then recovered like that of a dead worker.
        away: How to reach the run, when this machine does not see the home that it is in.
        standby: What stood ready for it.
    """
    store = _open_store(home, away) if standby is None else standby.store_of(home)
    run = store.claim(run_id, owner=str(this_worker()), lease_s=LEASE_S)
    if run is None:
        return
    if run.kind is RunKind.ACTION:
        # What a pipeline's conductor starts, so that its nodes can be placed, is there for others
        # too, and must outlive it.
        adopt_orphans()
    _own(
        home,
        store,
        run,
        environ,
        installer=installer,
        tether=tether,
        away=away,
        waiting=standby.process if standby is not None else None,
    )


def resume(
    home: Home, run_id: str, environ: dict[str, str], tether: Tether, away: Away | None = None
) -> None:
    """Go on owning a run that this process claimed before it changed to another interpreter."""
    store = _open_store(home, away)
    _own(home, store, store.get(run_id), environ, tether=tether, away=away)


def _open_store(home: Home, away: Away | None) -> RunStore:
    if away is None:
        return open_run_store(home)
    # What speaks HTTP takes as long to import as all else here.
    from synapse_core.runs.away import open_away_store  # noqa: PLC0415 - see above

    return open_away_store(home, away.url, away.token)


def _own(
    home: Home,
    store: RunStore,
    run: Run,
    environ: dict[str, str],
    *,
    installer: dict[str, str] | None = None,
    tether: Tether | None = None,
    away: Away | None = None,
    waiting: AttemptProcess | None = None,
) -> None:
    owner = str(this_worker())
    if away is not None:
        run = replace(run, plugin_path=away.plugin_path)
    try:
        supervisor = _Supervisor(
            home,
            store,
            run,
            owner=owner,
            environ={**environ, **run.env},
            tether=tether or Tether(),
            away=away,
            process=waiting,
        )
        if installer is None or supervisor.provide_libraries(installer, environ):
            supervisor.run_to_its_end()
    except LeaseLostError:
        # Somebody took the run for dead; what it is now is theirs to say.
        _log.warning("Lost the lease", extra={"action": "lease_lost", "run_id": run.id})
        return
    if away is not None and tether is not None and tether.is_cut():
        # Whoever recovers the run cannot see this disk, and need not wait for the lease to lapse.
        from synapse_core.runs.away import AwayStore  # noqa: PLC0415 - imported with the store

        if isinstance(store, AwayStore):
            store.leave(run.id, owner)


class _Supervisor:
    def __init__(
        self,
        home: Home,
        store: RunStore,
        run: Run,
        *,
        owner: str,
        environ: dict[str, str],
        tether: Tether,
        away: Away | None,
        process: AttemptProcess | None,
    ) -> None:
        self._home = home
        self._store = store
        self._run = run
        self._owner = owner
        self._environ = environ
        self._tether = tether
        self._away = away
        self._process = process
        self._journals = Journals(home)
        self._summary = RunSummary()
        self._redactor = Redactor.for_run(environ, run.params)
        self._inbox = SignalInbox(signal.SIGCHLD, signal.SIGUSR1, signal.SIGTERM)

    def provide_libraries(self, variables: dict[str, str], environ: dict[str, str]) -> bool:
        """Install what the plugin asks for, and go on in the interpreter that has it.

        Returns only when that is this one (True), or when the run has ended instead (False).
        """
        from synapse_core.worker.preparation import Preparation  # noqa: PLC0415 - few runs need it

        if self._process is not None:  # it would stay in this interpreter
            self._process, waiting = None, self._process
            waiting.dismiss()
        with self._open_journal() as writer:
            preparation = Preparation(self._run, writer, self._inbox, self._beat, self._note_worker)
            provided = preparation.provide(self._home, variables)
        if self._tether.is_cut():
            return False
        if isinstance(provided, Outcome):
            self._finish(provided, self._run.attempt)
            return False
        if provided is not None:
            self._beat()
            continue_in(provided, self._home, self._run.id, environ, self._tether, self._away)
        return True

    def run_to_its_end(self) -> None:
        attempt = self._run.attempt
        while True:
            outcome, end = self._make_attempt(attempt)
            if end.stopped is StopReason.CUT and outcome.status is RunStatus.FAILED:
                return
            pause_s = self._run.retry.wait_s(attempt)
            if pause_s is None or not is_worth_repeating(outcome, end):
                break
            self._announce_retry(outcome, attempt, pause_s)
            if self._is_stopped_within(pause_s):
                if self._tether.is_cut():
                    return
                outcome = Outcome(RunStatus.CANCELLED)
                break
            attempt += 1
            self._store.begin_attempt(self._run.id, owner=self._owner, attempt=attempt)
        self._finish(outcome, attempt)

    def _make_attempt(self, number: int) -> tuple[Outcome, AttemptEnd]:
        run = self._run
        for folder in (self._home.artifacts(run.id), self._home.work(run.id)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._say({"status": RunStatus.RUNNING, "attempt": number})
        assignment = Assignment(
            run,
            number,
            self._home,
            self._environ,
            self._output_size(),
            is_away=self._away is not None,
        )
        process = self._process = self._begin(assignment)
        self._note_worker(process.pid)
        end = Attempt(process, self._beat, self._inbox, timeout_s=run.timeout_s).watch()
        self._drain(end.drained_to)
        return decide_outcome(self._journals, run.id, end, timeout_s=run.timeout_s), end

    def _begin(self, assignment: Assignment) -> AttemptProcess:
        """Give an attempt to the process that was forked ahead, or else to a new one."""
        process, self._process = self._process, None
        if process is not None:
            if process.is_waiting and process.assign(assignment):
                return process
            process.close()
        return AttemptProcess.fork(assignment, (self._inbox, self._tether))

    def _open_journal(self) -> JournalWriter:
        # It is missing when nobody wrote yet, and when the action removed what it could reach.
        self._home.run_dir(self._run.id).mkdir(mode=0o700, parents=True, exist_ok=True)
        return JournalWriter.open(self._home.journal(self._run.id), redactor=self._redactor)

    def _note_worker(self, pid: int) -> None:
        """Leave word for a recovery of what to kill, should this process be killed itself."""
        # It may be gone already, and a full disk shows where it matters more.
        with contextlib.suppress(StorageError):
            write_worker_note(self._home.run_dir(self._run.id), worker_of(pid))

    def _drain(self, drained_to: int | None) -> None:
        """Record the captured output that the process had no time to record."""
        size = self._output_size()
        if drained_to == size:
            return
        if drained_to is None:
            drained_to = last_offset(self._home.journal(self._run.id))
        with self._open_journal() as writer:
            reader = OutputReader(
                self._home.output(self._run.id), ForwardedEvents(writer), offset=drained_to
            )
            reader.finish()

    def _output_size(self) -> int:
        output = self._home.output(self._run.id)
        return output.stat().st_size if output.exists() else 0

    def _beat(self) -> StopReason | None:
        if self._tether.is_cut():
            return StopReason.CUT
        try:
            self._summary = self._journals.summarise(self._run.id, self._summary)
            run = self._store.heartbeat(
                self._run.id, owner=self._owner, lease_s=LEASE_S, summary=self._summary
            )
        except StoreUnavailableError:
            # The next beat may reach it; the lease outlives several missed ones.
            _log.warning("Missed a heartbeat", exc_info=True)
            return None
        if run.cancel_requested_at is None:
            return None
        return StopReason.FORCE if run.cancel_force else StopReason.CANCEL

    def _announce_retry(self, outcome: Outcome, attempt: int, pause_s: float) -> None:
        why = outcome.failure.message if outcome.failure is not None else outcome.status
        self._say(
            {
                "status": RunStatus.RUNNING,
                "attempt": attempt,
                "reason": f"Attempt {attempt} failed: {why} The next one starts in {pause_s:g} s.",
            }
        )

    def _is_stopped_within(self, pause_s: float) -> bool:
        """Wait between two attempts; True as soon as somebody asks to stop."""
        until = time.monotonic() + pause_s
        while (left_s := until - time.monotonic()) > 0:
            numbers = self._inbox.wait(min(left_s, HEARTBEAT_S))
            if signal.SIGTERM in numbers or self._beat() is not None:
                return True
        return False

    def _finish(self, outcome: Outcome, attempt: int) -> None:
        """Record the end: the last event first, then status and result in one transaction.

        A full disk or a locked store is waited for; when patience ends, this process does too,
        and recovery finishes from the journal what is left.
        """
        self._patiently(lambda: self._say(terminal_status(outcome, attempt)))
        self._summary = self._journals.summarise(self._run.id, self._summary)
        self._patiently(
            lambda: self._store.finish(
                self._run.id, outcome, owner=self._owner, summary=self._summary
            )
        )
        remove_worker_note(self._home.run_dir(self._run.id))
        stop_nodes(self._store, self._run)
        ring_bell(self._home, self._run)

    def _say(self, status: JSONObject) -> None:
        with self._open_journal() as writer:
            writer.emit(EventKind.STATUS, status)

    def _patiently(self, action: Callable[[], object]) -> None:
        until = time.monotonic() + FINISH_PATIENCE_S
        pause_s = 0.05
        while True:
            try:
                action()
            except StorageError:
                if time.monotonic() > until:
                    raise
                _log.warning("Trying again in %.2f s", pause_s, exc_info=True)
                self._inbox.wait(pause_s)
                pause_s = min(pause_s * 2, 5.0)
            else:
                return

"""Settles runs whose worker died: what was left of them is ended, and their end recorded."""

import logging
import time
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import JournalError, LeaseLostError, StorageError
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, Run, RunFailure, RunStatus, WorkerId
from synapse_core.ports import RunStore
from synapse_core.runs.captured import OutputReader, last_offset
from synapse_core.runs.endings import Ending, ending_of, is_lasting, terminal_status, when_begun
from synapse_core.runs.forwarding import ForwardedEvents
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.leftovers import end_leftovers
from synapse_core.runs.nodes import ring_bell, stop_nodes
from synapse_core.runs.processes import is_alive, this_worker
from synapse_core.runs.reading import Journals
from synapse_core.types import JSONObject

__all__ = ["recover_if_abandoned", "remove_worker_note", "write_worker_note"]

_LEASE_S = 60.0
"""Long enough to settle a run; whether the process that does it lives is seen directly here."""

_NOTE = "worker"

_unsettled: set[str] = set()
"""Runs that this process took over and could not settle: it owns them, and tries again."""

_log = logging.getLogger(__name__)


def write_worker_note(run_dir: Path, worker: WorkerId) -> None:
    """Leave word in the run's folder of the process that executes it.

    Raises:
        StorageError: It cannot be written.
    """
    note = run_dir / _NOTE
    try:
        note.write_text(str(worker), encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"Cannot write {note}: {error.strerror}.",
            hint="Free disk space or check the permissions of the folder.",
            path=str(note),
        ) from error


def remove_worker_note(run_dir: Path) -> None:
    """Take back the word; the process is gone."""
    (run_dir / _NOTE).unlink(missing_ok=True)


def recover_if_abandoned(
    store: RunStore, home: Home, run: Run, *, loss: RunFailure | None = None
) -> Run:
    """Return the run as it is, settled first when its worker is gone.

    A worker of this machine is gone when its process is; one of another machine, when its lease
    has lapsed. Any number of processes may call this at once: one of them settles the run, the
    others return it as it stands. Whoever dies over it leaves it to the next caller.

    What the journal says decides: a recorded result or failure stands. A run without either has
    failed with `worker_lost`, unless somebody had asked to stop it. When its retry policy has
    attempts left, or it had only waited for its turn, it is returned pending, to be placed again.

    A full disk or a locked store is no reason to lose the run or to break a list of many: the run
    is returned as it is, and the next caller tries again.

    Args:
        store: Where the run is kept.
        home: Where its folder lies.
        run: The run as it was just read, possibly from a list.
        loss: What is known of how its worker was lost; None for nothing.
    """
    if run.status is not RunStatus.RUNNING or run.owner is None:
        return run
    owner = str(this_worker())
    is_mine = run.owner == owner
    if not (_take_up_again(run.id) if is_mine else _is_abandoned(run)):
        return run
    try:
        if not is_mine:
            is_mine = store.take_over(
                run.id, expected_owner=run.owner, owner=owner, lease_s=_LEASE_S
            )
        current = store.get(run.id)
        if not is_mine:
            return current
        return _Recovery(store, home, current, owner, loss or _WORKER_LOST).settle()
    except BaseException as error:
        if is_mine:
            _unsettled.add(run.id)
        if not isinstance(error, StorageError | LeaseLostError):
            raise
        _log.warning("Could not settle %s", run.id, exc_info=True)
        return run


def _take_up_again(run_id: str) -> bool:
    """Whether it is this thread's turn to settle a run that this process owns."""
    try:
        _unsettled.remove(run_id)
    except KeyError:
        return False
    return True


def _is_abandoned(run: Run) -> bool:
    try:
        alive = is_alive(WorkerId.parse(run.owner or ""))
    except ValueError:  # not a worker of ours; its lease tells
        alive = None
    if alive is None:
        return run.lease_expires_at is None or run.lease_expires_at < time.time()
    return not alive


class _Recovery:
    def __init__(self, store: RunStore, home: Home, run: Run, owner: str, loss: RunFailure) -> None:
        self._store = store
        self._home = home
        self._run = run
        self._owner = owner
        self._loss = loss
        self._folder = home.run_dir(run.id)
        self._journal = home.journal(run.id)
        self._journals = Journals(home)
        self._began_at: float | None = None
        """Of a run that was claimed ahead, and which the store does not know to have begun."""

    def settle(self) -> Run:
        """Settle the run, each step such that whoever comes next may do it again."""
        if self._never_began() and self._store.release(self._run.id, expected_owner=self._owner):
            return self._store.get(self._run.id)
        output = self._home.output(self._run.id)
        end_leftovers(_read_worker_note(self._folder), self._folder, output)
        ending = self._read_ending(output)
        outcome = ending.outcome or self._presumed_outcome()
        if ending.is_final:
            return self._finish(outcome)
        if self._is_worth_repeating(outcome):
            # Claimed ahead, it would be released as one that has not begun.
            self._store.begin_attempt(self._run.id, owner=self._owner, attempt=self._run.attempt)
            self._say(self._again())
            if self._store.release(self._run.id, expected_owner=self._owner):
                remove_worker_note(self._folder)
                return self._store.get(self._run.id)
            # Somebody asked to stop it meanwhile, which ends it.
            outcome = Outcome(RunStatus.CANCELLED)
        self._say(terminal_status(outcome, self._run.attempt))
        return self._finish(outcome)

    def _never_began(self) -> bool:
        """Whether the run only waited for its turn in a process that executed others."""
        if self._run.started_at is not None:
            return False
        try:
            self._began_at = when_begun(self._journals, self._run.id, self._run.attempt)
        except JournalError as error:
            self._accept_damage(error)
            return False
        return self._began_at is None

    def _read_ending(self, output: Path) -> Ending:
        """Return what is on record, once the output that nobody recorded any more is too."""
        try:
            ending = ending_of(self._journals, self._run.id)
            if not ending.is_final:
                with self._open_journal() as writer:
                    OutputReader(
                        output, ForwardedEvents(writer), offset=last_offset(self._journal)
                    ).finish()
        except JournalError as error:
            self._accept_damage(error)
            return Ending(None, is_final=True)  # nothing can be added to it
        return ending

    def _presumed_outcome(self) -> Outcome:
        if self._run.cancel_requested_at is not None:
            return Outcome(RunStatus.CANCELLED)
        return Outcome(RunStatus.FAILED, failure=self._loss)

    def _is_worth_repeating(self, outcome: Outcome) -> bool:
        """Whether the dead worker would have made another attempt."""
        run = self._run
        return (
            outcome.failure is not None
            and not is_lasting(outcome.failure)
            and run.cancel_requested_at is None
            and run.retry.wait_s(run.attempt) is not None
        )

    def _again(self) -> JSONObject:
        attempt = self._run.attempt
        known = "" if self._loss is _WORKER_LOST else f" {self._loss.message}"
        reason = f"The worker vanished during attempt {attempt}; the next one follows.{known}"
        return {"status": RunStatus.PENDING, "attempt": attempt, "reason": reason}

    def _say(self, status: JSONObject) -> None:
        with self._open_journal() as writer:
            writer.emit(EventKind.STATUS, status)

    def _open_journal(self) -> JournalWriter:
        # The folder is missing when the worker died before it began, or somebody removed it.
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        redactor = Redactor.for_run(self._run.env, self._run.params)
        return JournalWriter.open(self._journal, redactor=redactor)

    def _finish(self, outcome: Outcome) -> Run:
        summary = self._run.summary
        try:
            summary = self._journals.summarise(self._run.id, summary)
        except JournalError as error:
            self._accept_damage(error)
        settled = self._store.finish(
            self._run.id,
            outcome,
            owner=self._owner,
            summary=summary,
            started_at=self._began_at,
        )
        remove_worker_note(self._folder)
        stop_nodes(self._store, settled)
        ring_bell(self._home, settled)
        return settled

    def _accept_damage(self, error: JournalError) -> None:
        """Go on without what a damaged journal does not tell; a full disk is waited for."""
        if "errno" in error.data:
            raise error
        _log.warning("The journal of %s is damaged", self._run.id, exc_info=error)


def _read_worker_note(run_dir: Path) -> WorkerId | None:
    try:
        return WorkerId.parse((run_dir / _NOTE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # there is none, or it was only half written
        return None


_WORKER_LOST = RunFailure(
    type="WorkerLostError",
    message="The worker vanished before the action had ended.",
    code="worker_lost",
    hint="Its machine was restarted or ran out of memory, or somebody killed it. The log tells how "
    "far the action came; run it again.",
)

"""What is done about a run when its launcher has ended."""

import contextlib
import logging
import time

from synapse_core.config.home import Home
from synapse_core.errors import (
    JournalError,
    LeaseLostError,
    RunNotFoundError,
    StoreUnavailableError,
    SynapseError,
    WorkerLostError,
)
from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, Run, RunFailure, RunStatus
from synapse_core.ports import RunStore
from synapse_core.runs.endings import terminal_status
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.recovery import recover_if_abandoned

__all__ = ["end_unplaced", "settle", "vouch"]

PATIENCE_S = 60.0
"""A worker of another machine counts as alive until its lease has lapsed."""

_PAUSE_S = 0.2

_LEAVING_S = 10.0
"""What a worker that has lost its launcher may take to end its run and to bring home its events."""

_VOUCHED_S = 30.0
"""How far in the future a lease lapses that is vouched for."""

_log = logging.getLogger(__name__)


def settle(
    store: RunStore,
    home: Home,
    run_id: str,
    error: SynapseError | None,
    *,
    is_away: bool = False,
    may_be_the_cause: bool = True,
) -> Run | None:
    """Bring a run whose launcher has ended to where it belongs, and return it.

    What its worker recorded stands. A worker that vanished is recovered from; then the run may be
    pending again, to be placed once more. A run that nobody claimed fails with `error`, unless that
    says only that its place was lost.

    Args:
        store: The run store.
        home: Where the run lies.
        run_id: The run.
        error: What ended the launcher; None when it ended by itself.
        is_away: Whether its worker may be on a machine that does not see the home.
        may_be_the_cause: Whether the launcher may have ended over this run; if not, it only waited
            there, and does not fail for that.
    """
    try:
        run = store.get(run_id)
        was_claimed = run.status is RunStatus.RUNNING
        begun = time.monotonic()
        while run.status is RunStatus.RUNNING and time.monotonic() < begun + PATIENCE_S:
            if is_away and error is not None and time.monotonic() > begun + _LEAVING_S:
                _end_lease(store, run)
                run = store.get(run_id)  # before anybody else settles it who knows less
            run = recover_if_abandoned(store, home, run, loss=_failure(error))
            if run.status is RunStatus.RUNNING:
                time.sleep(_PAUSE_S)
                run = store.get(run_id)
        is_unclaimed = run.status is RunStatus.PENDING and not was_claimed and run.attempt == 0
        refusal = None if isinstance(error, WorkerLostError) else error
        if is_unclaimed and may_be_the_cause and refusal is not None:
            end_unplaced(store, home, run, refusal)
            return store.get(run_id)
    except RunNotFoundError:
        return None  # somebody removed it
    return run


def _failure(error: SynapseError | None) -> RunFailure | None:
    if error is None:
        return None
    return RunFailure(
        type=type(error).__name__, message=error.message, code=error.code, hint=error.hint
    )


def _end_lease(store: RunStore, run: Run) -> None:
    """End the lease of a worker whose launcher Ray has lost: nobody can see that worker."""
    if run.owner is not None and (run.lease_expires_at or 0.0) > time.time():
        with contextlib.suppress(LeaseLostError):  # it has just ended
            store.heartbeat(run.id, owner=run.owner, lease_s=0.0)


def vouch(store: RunStore, run_id: str) -> None:
    """Keep up the lease of a running run that Ray says is held.

    Its worker may be cut off from the service, and works on all the same.
    """
    # It has just ended or was removed; or the store is locked, and the next look comes soon.
    with contextlib.suppress(LeaseLostError, RunNotFoundError, StoreUnavailableError):
        run = store.get(run_id)
        # One that has lapsed was laid down, by a worker that lost its launcher.
        left_s = (run.lease_expires_at or 0.0) - time.time()
        if run.owner is not None and 0 < left_s < _VOUCHED_S / 2:
            store.heartbeat(run_id, owner=run.owner, lease_s=_VOUCHED_S)


def end_unplaced(store: RunStore, home: Home, run: Run, error: SynapseError) -> None:
    """Record the end of a pending run that could not be placed, in its journal and in the store."""
    outcome = Outcome(RunStatus.FAILED, failure=_failure(error))
    journal = home.journal(run.id)
    try:
        if not journal.exists() or run.attempt:  # else somebody has it after all
            journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with JournalWriter.open(journal) as writer:
                writer.emit(EventKind.STATUS, terminal_status(outcome, run.attempt))
        store.finish(run.id, outcome, owner=None)
    except (JournalError, LeaseLostError):
        _log.warning("Could not end %s", run.id, exc_info=True)

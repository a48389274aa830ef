"""What is done about a run when its launcher has ended."""

import logging
import time

from synapse_core.config.home import Home
from synapse_core.errors import RunNotFoundError, SynapseError
from synapse_core.model.run import Outcome, Run, RunFailure, RunStatus
from synapse_core.ports import RunStore
from synapse_core.runs.recovery import recover_if_abandoned

__all__ = ["failure_of", "settle"]

PATIENCE_S = 60.0
"""A worker of another machine counts as alive until its lease has lapsed."""

_PAUSE_S = 0.2

_log = logging.getLogger(__name__)


def settle(store: RunStore, home: Home, run_id: str, error: SynapseError | None) -> Run | None:
    """Bring a run whose launcher has ended to where it belongs, and return it.

    What its worker recorded stands. A worker that vanished is recovered from; then the run may be
    pending again, to be placed once more. A run that nobody claimed fails with `error`.

    Args:
        store: The run store.
        home: Where the run lies.
        run_id: The run.
        error: What ended the launcher; None when it ended by itself.
    """
    try:
        run = store.get(run_id)
        until = time.monotonic() + PATIENCE_S
        while run.status is RunStatus.RUNNING and time.monotonic() < until:
            run = recover_if_abandoned(store, home, run)
            if run.status is RunStatus.RUNNING:
                time.sleep(_PAUSE_S)
                run = store.get(run_id)
        if run.status is RunStatus.PENDING and error is not None and run.attempt == 0:
            return store.finish(run_id, failure_of(error), owner=None)
    except RunNotFoundError:
        return None  # somebody removed it
    return run


def failure_of(error: SynapseError) -> Outcome:
    """Return the outcome of a run that could not be placed."""
    failure = RunFailure(
        type=type(error).__name__, message=error.message, code=error.code, hint=error.hint
    )
    return Outcome(RunStatus.FAILED, failure=failure)

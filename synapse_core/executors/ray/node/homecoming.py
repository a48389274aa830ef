"""Brings home what runs have left on a machine that does not share the disk with their service."""

import logging
import shutil
import threading
import time

from synapse_core.clients.sync_session import Session
from synapse_core.config.home import Home
from synapse_core.errors import (
    ConflictError,
    RunNotFoundError,
    StoreUnavailableError,
    SynapseError,
)
from synapse_core.model.run import Run, RunStatus, WorkerId
from synapse_core.runs.away import AwayStore
from synapse_core.runs.away_folders import AwayFolders
from synapse_core.runs.http import HttpReceiver
from synapse_core.runs.processes import is_alive, this_worker
from synapse_core.runs.recovery import recover_if_abandoned
from synapse_core.runs.shipping import Sender
from synapse_core.runs.unsent import Leftover, find_leftovers, set_aside

__all__ = ["bring_home", "collect_leftovers"]

_PATIENCE_S = 60.0
_LEAVING_S = 5.0
"""What a supervisor that has let go of its launcher may take to be gone."""

_PAUSE_S = 0.02

_collecting = threading.Lock()

_log = logging.getLogger(__name__)


def bring_home(
    home: Home,
    session: Session,
    left: Leftover,
    *,
    patience_s: float = _PATIENCE_S,
    leaving_s: float = _LEAVING_S,
) -> None:
    """Settle a run that a worker of this machine has left, and remove what lies here of it.

    A run that the worker could not end is recovered here, since here is what it printed and what
    it started. Events of one that somebody else settled meanwhile stay on this disk.

    Args:
        home: The home of this machine.
        session: The connection to the service.
        left: What the worker left.
        patience_s: Seconds to try for.
        leaving_s: Seconds that the worker may take to be gone; 0 for one that goes on with others.

    Raises:
        StoreUnavailableError: The service is away; whoever comes next tries again.
    """
    _await_end(left, leaving_s)
    store = AwayStore(session, home)
    try:
        run = _settled(store, home, store.get(left.run_id), left, patience_s)
        is_elsewhere = run.status is RunStatus.RUNNING and run.owner != left.owner
        if is_elsewhere and is_alive(WorkerId.parse(run.owner or "")) is True:
            return  # another worker of this machine has it, in the same folder
        receiver = HttpReceiver(session, left.run_id, left.owner)
        Sender(home.journal(left.run_id), receiver).send_all()
    except RunNotFoundError:
        _log.warning("The run %s was removed", left.run_id)
    except ConflictError as error:
        set_aside(home, left.run_id, error)
        return
    shutil.rmtree(home.run_dir(left.run_id), ignore_errors=True)


def collect_leftovers(home: Home, session: Session) -> None:
    """Bring home what workers of this machine left that are gone, and clear up after pipelines.

    One thread at a time does.
    """
    if not _collecting.acquire(blocking=False):
        return
    try:
        for left in list(find_leftovers(home)):
            if left.url != session.url:
                continue  # of another service, whose token is not known here
            try:
                bring_home(home, session, left)
            except SynapseError:
                _log.warning("What is left of %s stays here", left.run_id, exc_info=True)
        AwayFolders(session, home).remove_unused()
    finally:
        _collecting.release()


def _await_end(left: Leftover, leaving_s: float) -> None:
    until = time.monotonic() + leaving_s
    while is_alive(WorkerId.parse(left.worker)) is True and time.monotonic() < until:
        time.sleep(_PAUSE_S)


def _settled(store: AwayStore, home: Home, run: Run, left: Leftover, patience_s: float) -> Run:
    """Return the run, recovered from its worker's death if it had not ended."""
    until = time.monotonic() + patience_s
    mine = {left.owner, str(this_worker())}
    while run.status is RunStatus.RUNNING and run.owner in mine:
        run = recover_if_abandoned(store, home, run)
        if run.status is not RunStatus.RUNNING or run.owner not in mine:
            break
        if time.monotonic() > until:
            raise StoreUnavailableError(
                f"The run {run.id} could not be settled.", hint="The log of the worker tells why."
            )
        time.sleep(_PAUSE_S)
        run = store.get(run.id)
    return run

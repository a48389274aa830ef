"""Shows a pipeline run of this machine at a service that does not have it: run by run, as it goes.

The runs here stay the truth. What the service is told are copies under the same ids, so that it can
be asked for them; their journals are sent from the disk, and whoever cancels there cancels here.
"""

import logging
import time
from dataclasses import replace

from synapse_core.clients.sync_session import Session
from synapse_core.config.home import Home
from synapse_core.errors import (
    LeaseLostError,
    RateLimitedError,
    RunNotFoundError,
    StoreUnavailableError,
)
from synapse_core.model.run import Outcome, Run, RunKind, RunStatus, RunSummary
from synapse_core.pipelines.reporting import ELSEWHERE
from synapse_core.ports import RunStore
from synapse_core.runs.away import AWAY_LEASE_S, AwayStore
from synapse_core.runs.http import HttpReceiver, HttpRunStore
from synapse_core.runs.nodes import list_nodes, stop_run
from synapse_core.runs.reading import Journals
from synapse_core.runs.shipping import Shipper
from synapse_core.runs.wake import FileWatch

__all__ = ["Mirror", "image_of"]

_LOOK_S = 0.25
"""Between two looks at all: a node that a worker takes up wakes nobody who watches the pipeline."""

_BEAT_S = 2.0
_FLUSH_S = 30.0
_PATIENCE_S = 600.0
"""How long what has ended here waits for a service that is away."""

_log = logging.getLogger(__name__)


def image_of(run: Run) -> Run:
    """Return a run as a service is told of it first: pending, and nothing that it could place."""
    return replace(
        run,
        status=RunStatus.PENDING,
        executor=ELSEWHERE,
        env={},
        owner=None,
        lease_expires_at=None,
        started_at=None,
        finished_at=None,
        cancel_requested_at=None,
        attempt=0,
        result=None,
        failure=None,
        summary=RunSummary(),
        idempotency_key=f"mirror {run.id}",
    )


class Mirror:
    """Shows one pipeline run, with all that belongs to it.

    Args:
        home: Where the runs lie.
        store: Where they are kept.
        session: The connection to the service.
        run_id: The pipeline run.
    """

    def __init__(self, home: Home, store: RunStore, session: Session, run_id: str) -> None:
        self._home = home
        self._store = store
        self._session = session
        self._root = run_id
        self._images: dict[str, _Image] = {}

    def follow(self) -> None:
        """Show the run until its end.

        Raises:
            StoreUnavailableError: The service was away for ten minutes after the end.
            RateLimitedError: It had too much to do for as long.
            SynapseError: The service refuses the run.
        """
        patient_until: float | None = None
        with FileWatch(self._home.journal(self._root)) as watch:
            while True:
                has_ended = self._store.get(self._root).status.is_terminal
                try:
                    if self._show(has_ended=has_ended):
                        return
                    patient_until = None
                except (StoreUnavailableError, RateLimitedError):
                    if has_ended:
                        patient_until = patient_until or time.monotonic() + _PATIENCE_S
                        if time.monotonic() > patient_until:
                            raise
                    time.sleep(_BEAT_S)  # the journal may go on being written: no wait for it
                watch.wait(_LOOK_S)

    def _show(self, *, has_ended: bool) -> bool:
        """Bring the service up to date; whether it has all of a run that has ended."""
        self._find(self._store.get(self._root))
        *others, root = reversed(self._images.values())
        if not has_ended:
            root.show()
        for image in others:  # what is a part of another ends before it
            image.show()
        if not has_ended or not all(image.is_whole for image in others):
            return False
        root.show()
        return root.is_whole

    def _find(self, run: Run) -> None:
        """Begin to show a run, and those of its nodes, each behind the one that it is a part of."""
        image = self._images.get(run.id)
        if image is None:
            image = _Image(self._home, self._store, self._session, run)
            self._images[run.id] = image
        if run.kind is RunKind.PIPELINE:
            for node in list(list_nodes(self._store, run.id)):
                self._find(node)


class _Image:
    """One run as the service shows it."""

    def __init__(self, home: Home, store: RunStore, session: Session, run: Run) -> None:
        self._id = run.id
        self._home = home
        self._store = store
        self._session = session
        self._service = HttpRunStore(session)
        self._away = AwayStore(session, home)
        # The same for whoever goes on with it; no process, so that only its lease is looked at.
        self._owner = f"mirror {run.id}"
        self._shipper: Shipper | None = None
        self._is_there = False
        self._attempt = 1
        self._beat_at = 0.0
        self.is_whole = False

    def show(self) -> None:
        """Bring the service up to date with the run.

        Raises:
            StoreUnavailableError: It is away; the next call goes on.
        """
        if self.is_whole:
            return
        run = self._store.get(self._id)
        try:
            self._show(run)
        except (LeaseLostError, RunNotFoundError) as error:
            _log.warning("The service shows %s no longer: %s", self._id, error)
            self._close()
            self.is_whole = True

    def _show(self, run: Run) -> None:
        if not self._is_there:
            self._create(run)
        if run.status is RunStatus.PENDING:
            return
        has_begun = run.started_at is not None
        if has_begun and self._shipper is None:
            self._claim()
        if has_begun:
            self._keep(run)
        if run.status.is_terminal:
            self._finish(run, has_begun=has_begun)

    def _create(self, run: Run) -> None:
        self._service.create(image_of(run))
        self._is_there = True

    def _claim(self) -> None:
        claimed = self._service.claim(self._id, owner=self._owner, lease_s=AWAY_LEASE_S)
        if claimed is None:
            there = self._service.get(self._id)
            if there.owner != self._owner:
                raise LeaseLostError(f"It is {there.status} there.", run_id=self._id)
            self._attempt = there.attempt
        receiver = HttpReceiver(self._session, self._id, self._owner)
        self._shipper = Shipper(self._home.journal(self._id), receiver)

    def _keep(self, run: Run) -> None:
        if run.attempt > self._attempt:
            self._service.begin_attempt(self._id, owner=self._owner, attempt=run.attempt)
            self._attempt = run.attempt
        if time.monotonic() < self._beat_at:
            return
        self._beat_at = time.monotonic() + _BEAT_S
        there = self._service.heartbeat(self._id, owner=self._owner, lease_s=AWAY_LEASE_S)
        if there.cancel_requested_at is not None and run.cancel_requested_at is None:
            stop_run(self._store, self._id, force=there.cancel_force)

    def _finish(self, run: Run, *, has_begun: bool) -> None:
        outcome = Outcome(run.status, result=run.result, failure=run.failure)
        if not has_begun:  # its result was taken over, or it was cancelled before
            self._service.finish(self._id, outcome, owner=None)
        else:
            self._close()
            summary = Journals(self._home).summarise(self._id, RunSummary())
            self._away.finish(self._id, outcome, owner=self._owner, summary=summary)
        self.is_whole = True

    def _close(self) -> None:
        if self._shipper is not None:
            self._shipper.close(_FLUSH_S)
            self._shipper = None

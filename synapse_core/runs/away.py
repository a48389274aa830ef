"""What a worker on a machine without the home of its runs does with the service that has it.

It works in a home of its own machine. Whatever it leaves there is brought home before the service
is told that the run has ended, so whoever learns of the end finds all of it.
"""

import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from synapse_core.clients.call import Call, run_path
from synapse_core.clients.sync_session import Session
from synapse_core.config.atomic import write_atomically
from synapse_core.config.home import Home
from synapse_core.errors import (
    LeaseLostError,
    RateLimitedError,
    RunNotFoundError,
    StoreUnavailableError,
    SynapseError,
)
from synapse_core.model.run import ArtifactInfo, Outcome, Run, RunStatus, RunSummary
from synapse_core.runs.away_folders import AwayFolders
from synapse_core.runs.http import HttpReceiver, HttpRunStore
from synapse_core.runs.ids import is_run_id
from synapse_core.runs.reading import Journals
from synapse_core.runs.sent_files import send_file
from synapse_core.runs.shipping import Sender
from synapse_core.runs.unsent import Leftover, leave_note

__all__ = ["AWAY_LEASE_S", "AwayStore", "away_session", "open_away_store"]

AWAY_LEASE_S = 60.0
"""A network that is gone for less costs no run; Ray tells of a dead node sooner than this does."""

_PATIENCE_S = 60.0
"""How long what cannot be put off waits for a service that is away."""

_TIMEOUT_S, _SESSION_PATIENCE_S = 5.0, 0.5
"""Short: a worker that waits for an answer looks after nothing else meanwhile."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
_BEAT_S = 2.0

_T = TypeVar("_T")

_log = logging.getLogger(__name__)


def away_session(url: str, token: str) -> Session:
    """Return a connection for a worker: it gives up soon, and its callers try again."""
    return Session(
        url, token or None, timeout_s=_TIMEOUT_S, patience_s=_SESSION_PATIENCE_S, connections=4
    )


def open_away_store(home: Home, url: str, token: str) -> "AwayStore":
    """Return the store of a service for a worker that works in `home`, on its own machine."""
    return AwayStore(away_session(url, token), home)


class AwayStore(HttpRunStore):
    """Implements `RunStore` for a worker that works in a home of its own machine.

    Args:
        session: The connection to the service.
        home: The home of this machine.
    """

    def __init__(self, session: Session, home: Home) -> None:
        super().__init__(session)
        self._home = home
        self._sent: set[tuple[str, str, str]] = set()
        self._folders = AwayFolders(session, home)

    def get(self, run_id: str) -> Run:
        """Return the run."""
        return _insist(lambda: super(AwayStore, self).get(run_id))

    def claim(self, run_id: str, *, owner: str, lease_s: float) -> Run | None:
        """Own a pending run, and bring here what earlier attempts said of it."""
        run = _insist(
            lambda: super(AwayStore, self).claim(
                run_id, owner=owner, lease_s=max(lease_s, AWAY_LEASE_S)
            )
        )
        if run is None:
            # The answer to an earlier try may have been lost.
            now = self.get(run_id)
            run = now if now.status is RunStatus.RUNNING and now.owner == owner else None
        if run is not None:
            leave_note(self._home, Leftover(run_id, owner, self._session.url, owner))
            self._prepare(run, owner)
        return run

    def heartbeat(
        self, run_id: str, *, owner: str, lease_s: float, summary: RunSummary | None = None
    ) -> Run:
        """Extend the owner's lease."""
        with _waiting_for_a_turn():
            return super().heartbeat(
                run_id, owner=owner, lease_s=max(lease_s, AWAY_LEASE_S), summary=summary
            )

    def begin_attempt(self, run_id: str, *, owner: str, attempt: int) -> None:
        """Record that the owner starts another attempt."""
        _insist(lambda: super(AwayStore, self).begin_attempt(run_id, owner=owner, attempt=attempt))

    def finish(
        self,
        run_id: str,
        outcome: Outcome,
        *,
        owner: str | None,
        summary: RunSummary | None = None,
        started_at: float | None = None,
    ) -> Run:
        """End the run, once everything is home."""
        if owner is not None:
            self.bring_home(run_id, owner)
        with _waiting_for_a_turn():
            run = super().finish(
                run_id, outcome, owner=owner, summary=summary, started_at=started_at
            )
        # The owner may go on with other runs.
        self._sent = {key for key in self._sent if key[0] != run_id}
        return run

    def release(self, run_id: str, *, expected_owner: str) -> bool:
        """Make the run pending again, once everything is home."""
        self.bring_home(run_id, expected_owner)
        return super().release(run_id, expected_owner=expected_owner)

    def bring_home(self, run_id: str, owner: str) -> None:
        """Send the files of the run, then its events, as far as they are not there yet.

        Raises:
            StoreUnavailableError: The service is away; the next call goes on.
            LeaseLostError: The run is not the owner's any more.
        """
        for artifact in Journals(self._home).summarise(run_id, RunSummary()).artifacts.values():
            key = (run_id, artifact.name, artifact.sha256)
            if key not in self._sent:
                with _waiting_for_a_turn():
                    self._send_file(run_id, owner, artifact)
                self._sent.add(key)
        with _waiting_for_a_turn():
            self._folders.send(run_id, owner, self._beat(run_id, owner))
        receiver = HttpReceiver(self._session, run_id, owner)
        with _waiting_for_a_turn():
            Sender(self._home.journal(run_id), receiver).send_all()

    def leave(self, run_id: str, owner: str) -> None:
        """Bring home what there is, and let the lease lapse now: its owner leaves the run.

        Does what it can; at worst the lease lapses later.
        """
        try:
            self.bring_home(run_id, owner)
        except SynapseError as error:
            _log.warning("Events of %s stay here: %s", run_id, error)
        try:
            super().heartbeat(run_id, owner=owner, lease_s=0.0)
        except SynapseError as error:
            _log.warning("The lease of %s lapses later: %s", run_id, error)

    def _prepare(self, run: Run, owner: str) -> None:
        """Bring here what this attempt goes on behind: events, and files that nodes share."""
        if run.parent_id is not None:
            beat = self._beat(run.id, owner)
            _insist(lambda: self._folders.fetch(run.id, beat))
        if run.attempt > 1:
            self._fetch_journal(run.id)
        if run.resume and run.rerun_of is not None and is_run_id(run.rerun_of):
            self._home.run_dir(run.rerun_of).mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._fetch_journal(run.rerun_of)
            except RunNotFoundError:
                _log.warning("The run %s that %s resumes is gone", run.rerun_of, run.id)

    def _fetch_journal(self, run_id: str) -> None:
        call = Call(method="GET", path=run_path(run_id, "journal"))
        content = _insist(lambda: b"".join(self._session.download(call)))
        write_atomically(self._home.journal(run_id), content, mode=0o600)

    def _send_file(self, run_id: str, owner: str, artifact: ArtifactInfo) -> None:
        path = self._home.run_dir(run_id) / artifact.path
        if not path.is_file():
            return  # saved by an attempt elsewhere
        try:
            send_file(
                self._session,
                run_path(run_id, "artifacts", *artifact.name.split("/")),
                path,
                sha256=artifact.sha256,
                query={"owner": owner},
                beat=self._beat(run_id, owner),
            )
        except (StoreUnavailableError, LeaseLostError, RateLimitedError):
            raise
        except SynapseError as error:
            # Its run has a result all the same.
            _log.warning("The file %s of %s stays here: %s", artifact.name, run_id, error)

    def _beat(self, run_id: str, owner: str) -> Callable[[], None]:
        """Return what keeps up the lease when it is called often."""
        beat_at = time.monotonic() + _BEAT_S

        def beat() -> None:
            nonlocal beat_at
            if time.monotonic() > beat_at:
                beat_at = time.monotonic() + _BEAT_S
                self.heartbeat(run_id, owner=owner, lease_s=AWAY_LEASE_S)

        return beat


@contextmanager
def _waiting_for_a_turn() -> Generator[None]:
    """Take a service that has too much to do for one that is away: both are tried again."""
    try:
        yield
    except RateLimitedError as error:
        raise StoreUnavailableError(error.message, hint=error.hint, **error.data) from error


def _insist(call: Callable[[], _T]) -> _T:
    """Call until the service answers; what it answers counts.

    Raises:
        StoreUnavailableError: It did not for a minute.
    """
    until = time.monotonic() + _PATIENCE_S
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return call()
        except (StoreUnavailableError, RateLimitedError):
            if time.monotonic() > until:
                raise
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

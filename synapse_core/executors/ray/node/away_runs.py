"""The runs of a service, for a process that stays on a machine without their home."""

import logging
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from synapse_core.config.home import Home
from synapse_core.errors import ConflictError, RunNotFoundError, StoreUnavailableError
from synapse_core.model.run import Run, RunEnd
from synapse_core.runs.away import AwayStore

__all__ = ["AwayRuns"]

_PATIENCE_S = 600.0
"""How long a run that has ended waits for a service that is away before recovery must do it."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 5.0

_log = logging.getLogger(__name__)


class AwayRuns:
    """Implements `ClaimedRuns`, one run after the other: a service has no verbs for many.

    Args:
        store: The store of the service.
        home: The home of this machine.
        plugin_path: Folder of the plugin on this machine.
        patience_s: Seconds to go on trying to tell the end of a run.
    """

    def __init__(
        self, store: AwayStore, home: Home, plugin_path: str, *, patience_s: float = _PATIENCE_S
    ) -> None:
        self._store = store
        self._home = home
        self._plugin_path = plugin_path
        self._patience_s = patience_s

    def claim(self, run_ids: Sequence[str], *, owner: str, lease_s: float) -> list[Run]:
        """Own those of the runs that are pending, as they are on this machine.

        Where the service is away for too long, a run is left to those who place it anew.
        """
        claimed = [self._claim(run_id, owner, lease_s) for run_id in run_ids]
        return [replace(run, plugin_path=self._plugin_path) for run in claimed if run is not None]

    def release(self, run_ids: Sequence[str], *, expected_owner: str) -> list[str]:
        """Make runs pending again; return which."""
        released: list[str] = []
        for run_id in run_ids:
            with suppress(RunNotFoundError):  # somebody removed it
                if self._store.release(run_id, expected_owner=expected_owner):
                    released.append(run_id)
        return released

    def finish(self, ends: Sequence[RunEnd], *, owner: str) -> list[Run]:
        """End the owner's runs once all of them is home, and keep nothing of them here.

        What is refused since somebody took the run for dead stays, with word of it.

        Raises:
            StoreUnavailableError: The service was away for all the time.
        """
        ended = [self._finish(end, owner) for end in ends]
        return [run for run in ended if run is not None]

    def _claim(self, run_id: str, owner: str, lease_s: float) -> Run | None:
        try:
            return self._store.claim(run_id, owner=owner, lease_s=lease_s)
        except (StoreUnavailableError, RunNotFoundError) as error:
            # To end over it would cost all that the plugin has loaded.
            _log.warning("Could not claim %s: %s", run_id, error)
            return None

    def _finish(self, end: RunEnd, owner: str) -> Run | None:
        run: Run | None = None
        try:
            run = self._patiently_finish(end, owner)
        except RunNotFoundError:
            _log.warning("The run %s was removed", end.run_id)
        except ConflictError as error:
            _log.warning("The run %s is not ours any more: %s", end.run_id, error)
            return None
        shutil.rmtree(self._home.run_dir(end.run_id), ignore_errors=True)
        return run

    def _patiently_finish(self, end: RunEnd, owner: str) -> Run:
        until = time.monotonic() + self._patience_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return self._store.finish(
                    end.run_id,
                    end.outcome,
                    owner=owner,
                    summary=end.summary,
                    started_at=end.started_at,
                )
            except StoreUnavailableError:
                if time.monotonic() > until:
                    raise
                _log.warning("Trying again in %.2f s", pause_s, exc_info=True)
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

"""Executes runs that came together, one after the other, and records their ends together.

To record that a run has ended over a power failure takes longer than many a run, and so does it to
claim each by itself. What waits behind one that goes on is given back, to be executed elsewhere.
"""

import contextlib
import logging
import math
import threading
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue

from synapse_core.config.home import Home
from synapse_core.errors import LeaseLostError, StorageError
from synapse_core.executors.ray.node.turns import Turns
from synapse_core.executors.ray.node.warm_run import WarmRun
from synapse_core.executors.threaded_run import Stopper
from synapse_core.model.run import Run, RunEnd
from synapse_core.ports import ClaimedRuns, RunStore
from synapse_core.runs.nodes import ring_bell
from synapse_core.runs.processes import this_worker
from synapse_core.runtime.reentry import recording
from synapse_core.worker.attempt import HEARTBEAT_S

__all__ = ["WarmBatches"]

UNTOLD_S = 0.1
"""How long the store is not told that a run has ended, so that it is told of others as well."""

_KEPT_S = 0.1
"""How long a run is kept from others before its turn."""

_CLAIMED_AT_ONCE = 32

_log = logging.getLogger(__name__)


class WarmBatches:
    """Executes batches in the main thread, while another one looks after them.

    Args:
        home: Where the runs' folders lie.
        store: The store that holds the runs.
        many: What it does to many at once.
        is_away: Whether this machine does not see the home that has the runs. Each is claimed for
            itself then, since to give back what waits takes as long as to claim it.
    """

    def __init__(
        self,
        home: Home,
        store: RunStore,
        many: ClaimedRuns,
        *,
        is_away: bool = False,
    ) -> None:
        self._home = home
        self._store = store
        self._many = many
        self._owner = str(this_worker())
        self._is_away = is_away
        self._turns = Turns(many, owner=self._owner, at_once=1 if is_away else _CLAIMED_AT_ONCE)
        self._gave_back_at = -math.inf
        self._attempt: tuple[WarmRun, Stopper] | None = None
        self._ends: list[RunEnd] = []
        self._untold_since = math.inf
        self._beaten_at = 0.0
        self._asked_at = -math.inf
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._wakes_at = math.inf
        threading.Thread(target=self._look_after, name="synapse-watch", daemon=True).start()

    def look_soon(self) -> None:
        """Look whether somebody asked to stop a run. For signal handlers: it waits for no lock."""
        self._asked_at = time.monotonic()
        self._bell.put(None)

    def execute(self, run_ids: Sequence[str]) -> None:
        """Execute what is pending of these runs, and return when all of it has ended.

        Raises:
            StorageError: An end could not be recorded; recovery does it when this process ends.
        """
        self._turns.add(run_ids)
        while (run := self._next()) is not None:
            warm = WarmRun(
                self._home,
                self._store,
                run,
                owner=self._owner,
                attendant=self,
                is_away=self._is_away,
            )
            # If somebody took the run for dead, what it is now is theirs to say.
            with contextlib.suppress(LeaseLostError):
                warm.run_to_its_end()
            if time.monotonic() > self._untold_since + UNTOLD_S:
                self._tell()
        self._tell()

    def _next(self) -> Run | None:
        # Whoever asks to stop a run from here on is heard by the heartbeat of the one that begins.
        self._beaten_at = time.monotonic()
        if self._asked_at >= self._gave_back_at:
            self._give_back()
        return self._turns.next()

    def _give_back(self) -> None:
        """Let others have what waits, and end what somebody asked to stop before it began."""
        self._gave_back_at = time.monotonic()
        for end in self._turns.give_back():
            self.record(end)

    def attend(self, run: WarmRun, stopper: Stopper) -> None:
        """Look after an attempt from now on: its lease, its time, and who asks to stop it."""
        with self._lock:
            self._attempt = run, stopper
            if self._due_at() < self._wakes_at:
                self._bell.put(None)

    def leave(self) -> None:
        """Look after it no longer."""
        with self._lock:
            self._attempt = None

    def record(self, end: RunEnd) -> None:
        """Take the end of a run, to be told to the store in a moment."""
        with self._lock:
            self._ends.append(end)
            self._untold_since = min(self._untold_since, time.monotonic())

    def _tell(self) -> None:
        """Record the ends that came since the last time; the journals have them already."""
        with self._telling:
            with self._lock:
                ends, self._ends, self._untold_since = self._ends, [], math.inf
            if not ends:
                return
            try:
                ended = self._many.finish(ends, owner=self._owner)
            except BaseException:
                with self._lock:
                    self._ends[:0], self._untold_since = ends, time.monotonic()
                raise
            for run in ended:
                ring_bell(self._home, run)

    def _look_after(self) -> None:
        recording.is_aside = True
        while True:
            self._wait()
            try:
                self._look_at_attempt()
                if time.monotonic() >= self._gives_back_at():
                    self._give_back()
                if time.monotonic() >= self._untold_since + UNTOLD_S:
                    self._tell()
            except StorageError:
                _log.warning("Could not look after the runs", exc_info=True)

    def _wait(self) -> None:
        """Wait until something is due: for ever, as long as nothing goes on."""
        with self._lock:
            self._wakes_at = self._due_at()
        left_s = self._wakes_at - time.monotonic()
        with contextlib.suppress(Empty):
            self._bell.get(timeout=max(0.0, left_s) if left_s < math.inf else None)

    def _due_at(self) -> float:
        due_at = min(self._untold_since + UNTOLD_S, self._gives_back_at())
        if self._attempt is not None:
            ends_at = time.monotonic() + self._attempt[1].left_s
            due_at = min(due_at, self._beats_at(), ends_at)
        return due_at

    def _beats_at(self) -> float:
        was_asked = self._asked_at >= self._beaten_at
        return self._asked_at if was_asked else self._beaten_at + HEARTBEAT_S

    def _gives_back_at(self) -> float:
        was_asked = self._asked_at >= self._gave_back_at
        kept_since = self._turns.claimed_at
        return min(kept_since, self._asked_at) if was_asked else kept_since + _KEPT_S

    def _look_at_attempt(self) -> None:
        # Held meanwhile: whoever waits to leave must not be beaten for, or stopped, after that.
        with self._lock:
            if self._attempt is None:
                return
            run, stopper = self._attempt
            if time.monotonic() >= self._beats_at():
                self._beaten_at = time.monotonic()
                if (reason := run.beat()) is not None:
                    stopper.stop(reason)
            stopper.look()

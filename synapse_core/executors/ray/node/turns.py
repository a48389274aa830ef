"""Runs that wait for their turn in a process, some of them claimed ahead."""

import math
import threading
import time
from collections import deque
from collections.abc import Iterable

from synapse_core.executors.threaded_run import LEASE_S
from synapse_core.model.run import Outcome, Run, RunEnd, RunStatus, RunSummary
from synapse_core.ports import ClaimedRuns

__all__ = ["Turns"]


class Turns:
    """Claims runs a few at a time: a transaction for each would take as long as a small run.

    What is claimed and has not begun can be given back at any time, also while another run goes
    on, so that others may have it.

    Args:
        many: Claims and releases.
        owner: Whose they are then.
        at_once: How many are claimed together.
    """

    def __init__(self, many: ClaimedRuns, *, owner: str, at_once: int) -> None:
        self._many = many
        self._owner = owner
        self._at_once = at_once
        self._waiting: deque[str] = deque()
        self._claimed: deque[Run] = deque()
        self._claimed_at = 0.0
        self._lock = threading.Lock()

    @property
    def claimed_at(self) -> float:
        """Since when others cannot have what has not begun, monotonic; infinite for nothing."""
        return self._claimed_at if self._claimed else math.inf

    def add(self, run_ids: Iterable[str]) -> None:
        """Put runs at the end of the row."""
        with self._lock:
            self._waiting.extend(run_ids)

    def next(self) -> Run | None:
        """Return the run whose turn it is, owned; None when there is none left.

        Raises:
            StoreUnavailableError: The store cannot be reached.
        """
        with self._lock:
            while not self._claimed and self._waiting:
                some = [
                    self._waiting.popleft() for _ in range(min(self._at_once, len(self._waiting)))
                ]
                self._claimed_at = time.monotonic()
                self._claimed.extend(self._many.claim(some, owner=self._owner, lease_s=LEASE_S))
            return self._claimed.popleft() if self._claimed else None

    def give_back(self) -> list[RunEnd]:
        """Let others have what has not begun; return the ends of those that were to be stopped.

        Raises:
            StoreUnavailableError: The store cannot be reached; nothing was given back.
        """
        with self._lock:
            if not self._claimed:
                return []
            self._claimed_at = time.monotonic()  # should this fail, it is tried again a while later
            claimed = [run.id for run in self._claimed]
            released = self._many.release(claimed, expected_owner=self._owner)
            self._claimed.clear()
            self._waiting.extendleft(reversed(released))
        stopped = Outcome(RunStatus.CANCELLED)
        kept = [run_id for run_id in claimed if run_id not in released]
        return [RunEnd(run_id, stopped, RunSummary()) for run_id in kept]

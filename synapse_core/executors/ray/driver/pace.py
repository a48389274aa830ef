"""How long runs of one kind take, and how many of them are worth an errand."""

import math
from dataclasses import dataclass

__all__ = ["Pace"]

BATCH_S = 0.1
"""What a batch may take: long beside the way to a process and back, short for whoever waits."""

MAX_BATCH = 128

_GROWTH = 8
"""A batch is that many times as large as the one before at most: what it is based on is little."""


@dataclass(slots=True)
class Pace:
    """The pace of the runs of one action, as far as it was seen; unknown at first."""

    _run_s: float = math.inf
    _last: int = 1

    def batch(self, waiting: int, processes: int) -> int:
        """Return how many of the runs that wait a process is given now; one or more.

        Args:
            waiting: How many wait; one or more.
            processes: How many processes there are to share them.
        """
        paced = int(BATCH_S / self._run_s) if self._run_s > 0 else MAX_BATCH
        fair = math.ceil(waiting / max(1, processes))
        return max(1, min(paced, fair, MAX_BATCH, self._last * _GROWTH))

    def wait_s(self, waiting: int, processes: int) -> float:
        """Return how long so many processes will take for what waits; infinite if unknown."""
        return self._run_s * waiting / processes if processes else math.inf

    def note(self, count: int, took_s: float, *, is_whole: bool) -> None:
        """Take in how long a batch took; one that took its process down begins all anew."""
        self._run_s = took_s / count if is_whole else math.inf
        self._last = count if is_whole else 1

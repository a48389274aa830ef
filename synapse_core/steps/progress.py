"""How far the steps of an action have come together."""

from collections.abc import Callable, Sequence
from itertools import accumulate

__all__ = ["StepProgress"]


class StepProgress:
    """Adds up weights of finished steps and the part of the running one.

    Args:
        weights: Weight of each step; when all are 0, each counts the same.
        tell: Called with percent and 100 whenever the percent has changed.
    """

    def __init__(self, weights: Sequence[float], tell: Callable[[int, int], None]) -> None:
        self._weights = weights if any(weights) else [1.0] * len(weights)
        self._ends = list(accumulate(self._weights))
        self._finished = 0
        self._tell = tell
        self._told: int | None = None

    def finish_step(self) -> None:
        """Count the running step as done."""
        self._report(self._ends[self._finished])
        self._finished += 1

    def advance(self, share: float) -> None:
        """Tell how much of the running step is done, from 0 to 1."""
        if self._finished < len(self._ends):
            weight = self._weights[self._finished]
            self._report(self._ends[self._finished] - weight * (1 - share))

    def _report(self, done: float) -> None:
        # 100 is said of what is done only; sums of fractions may miss a whole percent by a hair.
        is_all = done == self._ends[-1]
        percent = 100 if is_all else min(99, int(done / self._ends[-1] * 100 + 1e-9))
        if percent != self._told:
            self._told = percent
            self._tell(percent, 100)

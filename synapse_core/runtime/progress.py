"""Measures how far each category of a run's work has come, and how fast."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from synapse_core.errors import InvalidInputError
from synapse_core.runtime.json_safe import safe_repr
from synapse_core.runtime.numbers import plain_number
from synapse_core.types import JSONObject

__all__ = ["MAIN_CATEGORY", "ProgressMeter"]

MAIN_CATEGORY = "main"
"""Category of progress and metrics that name none."""

_HOLD_S = 0.05
"""So long a report that would show the same percent is held back."""

_HALF_WINDOW_S = 15.0
"""The rate is that of the last one to two of these: an ETA follows a change of pace."""


_SURE = 1 << 53
"""Up to here an integer needs no second look: a float can say it exactly."""


@dataclass(slots=True)
class _Track:
    """One category.

    Attributes:
        base_at: When the rate's window began; `mid_at` is where the next one will.
        told_at: When the last report was let through.
        held: A report that was not, and the time it was made.
    """

    base_at: float
    base_current: float
    mid_at: float
    mid_current: float
    last_current: float
    told_at: float = -math.inf
    told_percent: float = -1.0
    told_total: float = -1.0
    held: tuple[float, float, float] | None = None


class ProgressMeter:
    """Turns reports of current and total into the data of progress events.

    A loop may report on each turn: a report that would show the same percent as the last one, to
    two decimals, and comes within 50 ms of it is held until something else happens in the run.
    Reaching the total is told at once.

    Args:
        monotonic: Returns seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._tracks: dict[str, _Track] = {}
        self.holds = False
        """Whether `release` would return anything."""

    def report(self, category: str, current: float, total: float) -> JSONObject | None:
        """Return the data of the event to write now; None when the report is held back.

        Raises:
            InvalidInputError: `current` or `total` is no usable number.
        """
        if not (
            type(current) is type(total) is int and 0 <= current <= _SURE and 0 < total <= _SURE
        ):
            current, total = _usable(current, total)
        now = self._monotonic()
        track = self._tracks.get(category)
        if track is None or current < track.last_current:  # it begins, or begins again
            track = _Track(now, current, now, current, current)
            self._tracks[category] = track
        percent = _percent(current, total)
        same = percent == track.told_percent and total == track.told_total
        if same and now - track.told_at < _HOLD_S:
            if current > track.last_current:
                track.held = (current, total, now)
                self.holds = True
            track.last_current = current
            return None
        return self._tell(track, category, current, total, percent, now)

    def release(self) -> list[JSONObject]:
        """Return the data of the reports held back, oldest category first."""
        if not self.holds:
            return []
        self.holds = False
        return [
            self._tell(track, category, current, total, _percent(current, total), at)
            for category, track in self._tracks.items()
            if track.held is not None
            for current, total, at in [track.held]
        ]

    def forget_held(self) -> None:
        """Leave the reports held back to somebody else."""
        self.holds = False
        for track in self._tracks.values():
            track.held = None

    @staticmethod
    def _tell(
        track: _Track, category: str, current: float, total: float, percent: float, now: float
    ) -> JSONObject:
        track.held = None
        track.told_at, track.told_percent, track.told_total = now, percent, total
        track.last_current = current
        if now - track.mid_at >= _HALF_WINDOW_S:
            track.base_at, track.base_current = track.mid_at, track.mid_current
            track.mid_at, track.mid_current = now, current
        passed = now - track.base_at
        rate = (current - track.base_current) / passed if passed > 0 else None
        if rate is not None and not math.isfinite(rate):
            rate = None
        return {
            "category": category,
            "current": current,
            "total": total,
            "percent": percent,
            "rate": rate,
            "eta_s": _eta_s(total - current, rate),
        }


def _percent(current: float, total: float) -> float:
    if current >= total:
        return 100.0
    return min(round(100.0 * (current / total), 2), 99.99)  # 100 is said of what is done


def _eta_s(left: float, rate: float | None) -> float | None:
    if left <= 0:
        return 0.0
    if not rate:
        return None
    eta = left / rate
    return round(eta, 1) if math.isfinite(eta) else None


def _usable(current: float, total: float) -> tuple[float, float]:
    current, total = _finite("current", current), _finite("total", total)
    if total <= 0:
        raise InvalidInputError(
            f"total is {total}; progress needs a total above 0.",
            hint="Leave out progress of work that has no items, or report it as 1 of 1.",
            total=total,
        )
    if current < 0:
        raise InvalidInputError(
            f"current is {current}; progress begins at 0.",
            hint="Report how much is done, from 0 to total.",
            current=current,
        )
    return current, total


def _finite(name: str, value: object) -> float:
    """Return the value as a plain number.

    Raises:
        InvalidInputError: It is no number, NaN, infinite, or too large for any.
    """
    number = plain_number(value)
    try:
        if isinstance(number, int | float) and math.isfinite(number):
            return int(number) if isinstance(number, int) else float(number)
    except OverflowError:  # an integer beyond every float
        pass
    raise InvalidInputError(
        f"{name} is {safe_repr(value)[:100]}; progress needs a finite number.",
        hint="Give numbers: set_progress(current=50, total=100).",
    )

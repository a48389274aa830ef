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
_HOLD_PERCENT = 1.0
"""A report is held back that comes so soon after the last one and shows so little more."""

_HALF_WINDOW_S = 15.0
"""The rate is that of the last one to two of these: an ETA follows a change of pace."""


_FOREVER_S = 1e10
"""Nobody waits three hundred years: the remaining time is then not known."""

_DONE = 100.0
_MAX_RATE = 1e300
"""Beyond lies infinity, which JSON cannot say."""

_SURE = 1 << 53
"""Up to here an integer needs no second look: a float can say it exactly."""


@dataclass(slots=True)
class _Track:
    """One category.

    Attributes:
        base_at: When the rate's window began; `mid_at` is where the next one will.
        told_at: When the last report was let through.
        held: A report that was not: current, total, percent and its time.
    """

    category: str
    base_at: float
    base_current: float
    mid_at: float
    mid_current: float
    last_current: float
    told_at: float = -math.inf
    told_percent: float = -1.0
    told_total: float = -1.0
    held: tuple[float, float, float, float] | None = None

    def tell(self, current: float, total: float, percent: float, now: float) -> JSONObject:
        """Return the data of an event, and take note of it."""
        self.held = None
        self.told_at = now
        self.told_percent = percent
        self.told_total = total
        self.last_current = current
        if now - self.mid_at >= _HALF_WINDOW_S:
            self.base_at, self.base_current = self.mid_at, self.mid_current
            self.mid_at, self.mid_current = now, current
        rate = eta_s = None
        if now > self.base_at:
            rate = (current - self.base_current) / (now - self.base_at)
            if rate > _MAX_RATE:
                rate = None
        if current >= total:
            eta_s = 0.0
        elif rate:
            left_s = (total - current) / rate
            eta_s = int(left_s * 10) / 10 if left_s < _FOREVER_S else None
        return {
            "category": self.category,
            "current": current,
            "total": total,
            "percent": percent,
            "rate": rate,
            "eta_s": eta_s,
        }


class ProgressMeter:
    """Turns reports of current and total into the data of progress events.

    A loop may report on each turn: a report that comes within 50 ms of the last one and is less
    than one percent of the total ahead of it is held until something else happens in the run.
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
        # This line and its like are the price of each turn of somebody's loop.
        if type(current) is type(total) is int and 0 <= current <= _SURE and 0 < total <= _SURE:
            percent = _DONE if current >= total else current * 10_000 // total / 100
        else:
            current, total = _usable(current, total)
            percent = _percent(current, total)
        now = self._monotonic()
        track = self._tracks.get(category)
        if track is None or current < track.last_current:  # it begins, or begins again
            track = self._tracks[category] = _Track(category, now, current, now, current, current)
        elif (
            percent - track.told_percent < _HOLD_PERCENT
            and now - track.told_at < _HOLD_S
            and total == track.told_total
            and (current < total or track.told_percent == _DONE)
        ):
            if current > track.last_current:
                track.held = (current, total, percent, now)
                track.last_current = current
                self.holds = True
            return None
        return track.tell(current, total, percent, now)

    def release(self) -> list[JSONObject]:
        """Return the data of the reports held back, oldest category first."""
        if not self.holds:
            return []
        self.holds = False
        return [
            track.tell(*track.held) for track in self._tracks.values() if track.held is not None
        ]

    def forget_held(self) -> None:
        """Leave the reports held back to somebody else."""
        self.holds = False
        for track in self._tracks.values():
            track.held = None


def _percent(current: float, total: float) -> float:
    if current >= total:
        return _DONE
    # Rounded down like that of integers, but for what a float cannot say exactly.
    return min(math.floor(current / total * 10_000 + 1e-9) / 100, 99.99)


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

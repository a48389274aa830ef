"""Measures several things in turns, so that what slows down one slows down the others too."""

import statistics
import time
from collections.abc import Callable

WARM_UPS = 2


def in_turns(rounds: int, **calls: Callable[[], object]) -> dict[str, float]:
    """Return the median time of each call in ms, and the least, after rounds that warm up."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + WARM_UPS):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            if number >= WARM_UPS:
                times[name].append((time.perf_counter() - started) * 1000)
    least = {f"{name}_least": min(taken) for name, taken in times.items()}
    return {**{name: statistics.median(taken) for name, taken in times.items()}, **least}


def median_of(rounds: int, call: Callable[[], float]) -> float:
    """Return the median of what a call returns."""
    return statistics.median(call() for _ in range(rounds))

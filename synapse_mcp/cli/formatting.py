"""Times, durations, sizes and values as people read them."""

import json
import time

from synapse_core.model.run import Run
from synapse_core.types import JSONValue

__all__ = [
    "clock_text",
    "count_text",
    "duration_text",
    "run_duration_s",
    "size_text",
    "time_text",
    "value_text",
]

_FEW_S = 10
_STEPS = ((86_400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s"))
"""Units from large to small, each with the one shown beside it."""

_UNITS = ("kB", "MB", "GB", "TB")


def time_text(unix_s: float | None) -> str:
    """Return a Unix time as date and time of day here; empty for None."""
    if unix_s is None:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix_s))


def clock_text(unix_s: float) -> str:
    """Return the time of day here."""
    return time.strftime("%H:%M:%S", time.localtime(unix_s))


def duration_text(seconds: float | None) -> str:
    """Return a duration in at most two units; empty for None."""
    if seconds is None:
        return ""
    seconds = max(0.0, seconds)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _FEW_S:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit_s, name, smaller_s, smaller_name in _STEPS:
        if whole >= unit_s:
            return f"{whole // unit_s} {name} {whole % unit_s // smaller_s:02} {smaller_name}"
    return f"{whole} s"


def run_duration_s(run: Run) -> float | None:
    """Return how long the run took, or has taken so far; None before it started."""
    if run.started_at is None:
        return None
    return (run.finished_at if run.finished_at is not None else time.time()) - run.started_at


def size_text(size_bytes: int) -> str:
    """Return a size in decimal units, as disks are sold."""
    if size_bytes < 1000:  # noqa: PLR2004 that is what kilo means
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in _UNITS:
        size /= 1000
        if size < 999.5 or unit == _UNITS[-1]:  # noqa: PLR2004 what still rounds to three digits
            return f"{size:.3g} {unit}"
    raise AssertionError  # the last unit always returns


def count_text(value: float) -> str:
    """Return a count without needless digits."""
    return f"{value:.6g}"


def value_text(value: JSONValue) -> str:
    """Return a JSON value on one line; text as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

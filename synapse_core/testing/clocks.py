"""A clock that goes when it is told to."""

__all__ = ["ManualClock"]

_START = 1_750_000_000.0


class ManualClock:
    """Implements `Clock`; the time passes only by `advance`.

    Args:
        start: Unix time at which it begins, in seconds.
    """

    def __init__(self, start: float = _START) -> None:
        self._time = start
        self._passed = 0.0

    def time(self) -> float:
        """Return Unix time in seconds."""
        return self._time

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            ValueError: The seconds are negative; see `set_time` for clocks that are put back.
        """
        if seconds < 0:
            raise ValueError(f"Time does not pass by {seconds} s. To put it back, call set_time.")
        self._time += seconds
        self._passed += seconds

    def set_time(self, unix_time: float) -> None:
        """Put the clock to another time, as people and servers do; no time passes by that."""
        self._time = unix_time

"""What every `Clock` must do.

Derive from `ClockContract` and override its fixture `clock`; pytest does the rest:

    class TestMyClock(ClockContract):
        @pytest.fixture
        def clock(self) -> Clock:
            return MyClock()
"""

import math
import threading

import pytest

from synapse_core.ports import Clock

__all__ = ["ClockContract"]

_READINGS = 1000
_YEAR_2020 = 1577836800
_YEAR_2200 = 7258118400


class ClockContract:
    """Every sentence of `Clock`, as tests."""

    @pytest.fixture
    def clock(self) -> Clock:
        """Return the clock; to be overridden."""
        raise NotImplementedError

    def test_time_is_unix_time_in_seconds(self, clock: Clock) -> None:
        assert _YEAR_2020 < clock.time() < _YEAR_2200

    def test_the_monotonic_time_never_goes_back(self, clock: Clock) -> None:
        readings = [clock.monotonic() for _ in range(_READINGS)]

        assert all(math.isfinite(one) for one in readings)
        assert readings == sorted(readings)

    def test_the_monotonic_time_of_all_threads_is_one(self, clock: Clock) -> None:
        readings = [clock.monotonic()]

        def read() -> None:
            readings.append(clock.monotonic())

        for _ in range(20):
            thread = threading.Thread(target=read)
            thread.start()
            thread.join()

        assert readings == sorted(readings)

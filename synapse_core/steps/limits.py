"""Keeps an attempt of a step within its time.

The step stays in the thread that runs the action: state bound to a thread keeps working, and no
abandoned thread goes on changing things behind a rollback. In the main thread, where every run of
a worker process executes, an alarm interrupts Python code and blocking system calls. A C function
that neither returns nor looks for signals is interrupted when it returns. In another thread a step
is stopped where it calls `check_cancelled`, or counts as late when it returns.
"""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

__all__ = ["Overtime", "TimeLimit"]

T = TypeVar("T")

CLEANUP_S = 5.0
"""An interrupted step gets so long for its `finally` blocks before it is interrupted again."""

POSTPONED_S = 0.002
"""Writing an event takes some 10 µs; then the step is looked at again."""

_RECORDING = ("synapse_core.runtime", "synapse_core.runs", "synapse_core.worker")
_WAITING = "synapse_core.runtime.cancellation"
_BOUNDARY = "TimeLimit._interrupt_late"
"""Below it stands the step."""


class Overtime(BaseException):
    """Raised where the step stands; no `except Exception` of the step catches it."""


class TimeLimit:
    """The time of one attempt.

    Args:
        seconds: How long it may take; None for no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._until = None if seconds is None else time.monotonic() + seconds
        self._is_armed = False

    @property
    def left_s(self) -> float | None:
        """Seconds that are left, never below 0; None for no limit."""
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    def check(self) -> None:
        """Leave the attempt if its time is over.

        Raises:
            Overtime: It is.
        """
        if self._until is not None and time.monotonic() >= self._until:
            raise Overtime

    def bound(self, call: Callable[[], T]) -> T:
        """Return what `call` returns within the time.

        Raises:
            Overtime: The time was over before it returned.
        """
        if self._seconds is None:
            return call()
        handler = signal.getsignal(signal.SIGALRM)
        # A handler that Python did not install could not be put back.
        if threading.current_thread() is threading.main_thread() and handler is not None:
            result = self._interrupt_late(call, self._seconds, handler)
        else:
            result = call()
        self.check()
        return result

    def _interrupt_late(
        self,
        call: Callable[[], T],
        seconds: float,
        earlier: "signal.Handlers | Callable[..., object] | int",
    ) -> T:
        signal.signal(signal.SIGALRM, self._on_alarm)
        begun = time.monotonic()
        left_s, interval_s = signal.setitimer(signal.ITIMER_REAL, seconds)
        self._is_armed = True
        try:
            try:
                return call()
            finally:
                self._is_armed = False
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, earlier)
            if left_s:
                # Somebody else's alarm, such as a test's own limit: it rings when it would have.
                rest_s = left_s - (time.monotonic() - begun)
                signal.setitimer(signal.ITIMER_REAL, max(rest_s, 1e-3), interval_s)

    def _on_alarm(self, _number: int, frame: FrameType | None) -> None:
        if not self._is_armed:
            return
        if _is_recording(frame):
            signal.setitimer(signal.ITIMER_REAL, POSTPONED_S)
            return
        signal.setitimer(signal.ITIMER_REAL, CLEANUP_S)
        raise Overtime


def _is_recording(frame: FrameType | None) -> bool:
    """Whether an event is being written; torn apart, the journal's numbering would be wrong."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        # The handler itself may be among the frames, when the machine was too busy to leave it.
        if module == _WAITING or frame.f_code.co_qualname == _BOUNDARY:
            return False
        if module.startswith(_RECORDING):
            return True
        frame = frame.f_back
    return False

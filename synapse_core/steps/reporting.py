"""Tells the run's journal what becomes of each step."""

import time
from enum import StrEnum

from synapse_core.model.event import EventKind
from synapse_core.runtime.context import RuntimeContext
from synapse_core.types import JSONObject

__all__ = ["StepReporter", "Transition", "describe_error"]


class Transition(StrEnum):
    """What can happen to a step."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    RESUMED = "resumed"
    RETRIED = "retried"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"


class StepReporter:
    """Records the transitions of one step.

    Args:
        runtime: Where they are recorded.
        name: Name of the step.
        number: Its position, from 1.
        total: How many steps there are.
    """

    __slots__ = ("_begun", "_emit", "_name", "_number", "_total", "attempt")

    def __init__(self, runtime: RuntimeContext, name: str, number: int, total: int) -> None:
        self._emit = runtime.emit
        self._name = name
        self._number = number
        self._total = total
        self._begun: float | None = None
        self.attempt = 0

    def start_attempt(self) -> None:
        """Record that the next attempt begins, and measure it."""
        self.attempt += 1
        self._begun = None
        self.tell(Transition.STARTED)
        self.start_clock()

    def start_clock(self) -> None:
        """Measure from here to the next transition."""
        self._begun = time.perf_counter()

    def tell(self, transition: Transition, error: str | None = None) -> None:
        """Record a transition of the current attempt."""
        duration_s = None
        if self._begun is not None:
            duration_s = round(time.perf_counter() - self._begun, 6)
        data: JSONObject = {
            "name": self._name,
            "transition": transition,
            "attempt": self.attempt,
            "duration_s": duration_s,
            "error": error,
            "number": self._number,
            "total": self._total,
        }
        self._emit(EventKind.STEP, data)


def describe_error(error: BaseException) -> str:
    """Return type and text of an exception, as Python ends a traceback."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

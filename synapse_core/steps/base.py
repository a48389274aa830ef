"""What a step is."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Any, Generic, TypeVar

from synapse_core.model.run import RetryPolicy
from synapse_core.steps.context import BaseStepContext
from synapse_core.steps.results import StepResult

__all__ = ["BaseStep"]

C_contra = TypeVar("C_contra", bound=BaseStepContext, contravariant=True)


class BaseStep(ABC, Generic[C_contra]):
    """One ordered part of an action.

    `execute` and `rollback` may be `async`; all that are share one event loop.

    Attributes:
        retry: How a failed attempt is repeated; a number means so many repetitions with the
            waits of `RetryPolicy`. Nothing is rolled back between two attempts.
        timeout_s: Seconds one attempt may take; None for no limit.
        version: Part of the step's identity. Change it when what the step does has changed, so
            that a resumed run executes it again.
    """

    retry: RetryPolicy | int = 0
    timeout_s: float | None = None
    version: str = ""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name within the action; also the category of the step's progress and metrics."""

    @property
    @abstractmethod
    def progress_weight(self) -> float:
        """Share of the action's progress, relative to the other steps; 0 adds none."""

    @abstractmethod
    def execute(self, context: C_contra) -> StepResult | Awaitable[StepResult]:
        """Do the work. An exception, or a result without success, fails the action."""

    def can_skip(self, context: C_contra) -> bool:  # noqa: ARG002 - for those who override it
        """Tell whether there is nothing to do; asked right before the step would start."""
        return False

    def rollback(self, context: C_contra, result: StepResult) -> Awaitable[None] | None:
        """Undo what `execute` did, after this step or a later one has failed.

        Called for the failed step too, with the result that says so: it may have got halfway.
        A step that does not override this counts as leaving nothing to undo, and what it
        finished is kept for a resume.
        """

    @property
    def can_roll_back(self) -> bool:
        """Whether `rollback` does anything."""
        return type(self).rollback is not BaseStep[Any].rollback

    @property
    def identity(self) -> str:
        """What makes it the same step in a later process: its class and version."""
        return f"{type(self).__module__}:{type(self).__qualname__}@{self.version}"

"""Steps around steps: with log lines, with a measured duration, and one that only checks."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from synapse_core.model.run import RetryPolicy
from synapse_core.steps.base import BaseStep
from synapse_core.steps.context import BaseStepContext
from synapse_core.steps.reporting import describe_error
from synapse_core.steps.results import StepResult

__all__ = ["LoggingStep", "TimingStep", "ValidationStep", "WrappedStep"]

C = TypeVar("C", bound=BaseStepContext)


class WrappedStep(BaseStep[C]):
    """Does what another step does, under a name of its own; base of steps that add to one.

    Args:
        step: The step inside.
        prefix: Goes before its name.
    """

    def __init__(self, step: BaseStep[C], prefix: str) -> None:
        self.step = step
        self._prefix = prefix
        self.retry: RetryPolicy | int = step.retry
        self.timeout_s: float | None = step.timeout_s

    @property
    def name(self) -> str:
        """The prefix and the name of the step inside."""
        return f"{self._prefix}{self.step.name}"

    @property
    def progress_weight(self) -> float:
        """That of the step inside."""
        return self.step.progress_weight

    def can_skip(self, context: C) -> bool:
        """Ask the step inside."""
        return self.step.can_skip(context)

    def rollback(self, context: C, result: StepResult) -> Awaitable[None] | None:
        """Undo the step inside."""
        return self.step.rollback(context, result)

    @property
    def can_roll_back(self) -> bool:
        """Whether the step inside can be undone."""
        return self.step.can_roll_back

    @property
    def identity(self) -> str:
        """That of the step inside, within this one."""
        return f"{super().identity}({self.step.identity})"

    def execute(self, context: C) -> StepResult | Awaitable[StepResult]:
        """Execute the step inside, between `before` and `after`."""
        self.before(context)
        begun = time.perf_counter()
        try:
            result = self.step.execute(context)
        except Exception as error:
            self.after_error(context, time.perf_counter() - begun, error)
            raise
        if isinstance(result, StepResult):
            return self.after(context, time.perf_counter() - begun, result)
        return self._await(context, begun, result)

    def before(self, context: C) -> None:
        """Do something before the step inside starts."""

    def after(self, context: C, duration_s: float, result: StepResult) -> StepResult:  # noqa: ARG002 - for subclasses
        """Return the result in place of that of the step inside."""
        return result

    def after_error(self, context: C, duration_s: float, error: Exception) -> None:
        """Do something when the step inside has raised; the error goes on."""

    async def _await(self, context: C, begun: float, pending: Awaitable[StepResult]) -> StepResult:
        try:
            result = await pending
        except Exception as error:
            self.after_error(context, time.perf_counter() - begun, error)
            raise
        return self.after(context, time.perf_counter() - begun, result)


class LoggingStep(WrappedStep[C]):
    """Logs the beginning and the end of a step as `step_start` and `step_end`.

    Args:
        step: The step inside; this one is called `logged_` and its name.
    """

    def __init__(self, step: BaseStep[C]) -> None:
        super().__init__(step, "logged_")

    def before(self, context: C) -> None:
        """Log that it begins."""
        context.log("step_start", {"step": self.step.name})

    def after(self, context: C, duration_s: float, result: StepResult) -> StepResult:
        """Log how it ended."""
        self._log_end(context, duration_s, success=result.success, error=result.error)
        return result

    def after_error(self, context: C, duration_s: float, error: Exception) -> None:
        """Log that it raised."""
        self._log_end(context, duration_s, success=False, error=describe_error(error))

    def _log_end(self, context: C, duration_s: float, *, success: bool, error: str | None) -> None:
        said = {"step": self.step.name, "success": success, "duration_s": round(duration_s, 6)}
        context.log("step_end", said if error is None else {**said, "error": error})


class TimingStep(WrappedStep[C]):
    """Adds `duration_seconds` to the data of a step's result.

    Args:
        step: The step inside; this one is called `timed_` and its name.
    """

    def __init__(self, step: BaseStep[C]) -> None:
        super().__init__(step, "timed_")

    def after(self, context: C, duration_s: float, result: StepResult) -> StepResult:  # noqa: ARG002 - a hook for subclasses
        """Return the result with its duration."""
        return replace(result, data={**result.data, "duration_seconds": duration_s})


class ValidationStep(BaseStep[C]):
    """Fails the action when the context is not as it must be.

    Args:
        validator: Returns True, or False with what is wrong: `(False, "no images")`. It may
            also raise.
        name: Name of the step.
        progress_weight: Its share of the progress.
    """

    def __init__(
        self,
        validator: Callable[[C], bool | tuple[bool, str | None]],
        name: str = "validate",
        progress_weight: float = 0.05,
    ) -> None:
        self._validator = validator
        self._name = name
        self._weight = progress_weight

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._name

    @property
    def progress_weight(self) -> float:
        """The weight it was given."""
        return self._weight

    def execute(self, context: C) -> StepResult:
        """Ask the validator."""
        answer = self._validator(context)
        is_valid, error = answer if isinstance(answer, tuple) else (answer, None)
        if is_valid:
            return StepResult()
        return StepResult(success=False, error=error or "The context is not valid.")

"""Executes one step: its attempts, their time, and the waits between them."""

from dataclasses import replace
from typing import Any

from synapse_core.errors import ActionError, RunCancelledError
from synapse_core.model.run import RetryPolicy
from synapse_core.steps.awaiting import Awaiter
from synapse_core.steps.base import BaseStep
from synapse_core.steps.context import BaseStepContext
from synapse_core.steps.limits import Overtime, TimeLimit
from synapse_core.steps.reporting import StepReporter, Transition, describe_error
from synapse_core.steps.results import StepResult

__all__ = ["StepFailure", "execute_step"]


class StepFailure(Exception):  # noqa: N818 - goes from here to the orchestrator, never further
    """A step has failed for good.

    Attributes:
        result: Without success; what the step returned, if it did.
        cause: What it raised, if it did.
    """

    def __init__(self, result: StepResult, cause: BaseException | None = None) -> None:
        super().__init__(result.error)
        self.result = result
        self.cause = cause


def execute_step(
    step: BaseStep[Any], context: BaseStepContext, reporter: StepReporter, awaiter: Awaiter
) -> StepResult:
    """Execute the step until it succeeds, and return its result.

    Raises:
        StepFailure: It failed, and is not to be repeated.
    """
    reporter.start_attempt()
    while True:
        try:
            return _attempt(step, context, awaiter)
        except StepFailure as failure:
            pause_s = _policy(step).wait_s(reporter.attempt) if _may_repeat(failure) else None
            if pause_s is None:
                raise
            _begin_again(context, reporter, pause_s, failure.result)


def _attempt(step: BaseStep[Any], context: BaseStepContext, awaiter: Awaiter) -> StepResult:
    try:
        if step.timeout_s is None:
            returned = step.execute(context)
            result = returned if isinstance(returned, StepResult) else awaiter.settle(returned)
        else:
            result = _execute_within(TimeLimit(step.timeout_s), step, context, awaiter)
    except Overtime as error:
        late = TimeoutError(f"An attempt took longer than its {step.timeout_s:g} s.")
        raise _raised(late.with_traceback(error.__traceback__)) from None
    except BaseException as error:  # noqa: BLE001 - an exit and an interrupt fail a step too
        raise _raised(error) from None
    return _checked(result)


def _execute_within(
    limit: TimeLimit, step: BaseStep[Any], context: BaseStepContext, awaiter: Awaiter
) -> StepResult:
    def check() -> None:
        context.runtime_ctx.check_cancelled()
        limit.check()

    context.on_check = check
    try:
        returned = limit.bound(lambda: step.execute(context))
        return (
            returned if isinstance(returned, StepResult) else awaiter.settle(returned, limit.left_s)
        )
    finally:
        context.on_check = None


def _checked(result: object) -> StepResult:
    if not isinstance(result, StepResult):
        raise _raised(
            ActionError(
                f"It returned {type(result).__name__} where a StepResult must be.",
                hint="End execute with `return StepResult()`.",
            )
        )
    if not result.success:
        error = result.error or "It returned a result without success, and no error."
        raise StepFailure(replace(result, error=error))
    return result


def _raised(error: BaseException) -> StepFailure:
    return StepFailure(StepResult(success=False, error=describe_error(error)), error)


def _policy(step: BaseStep[Any]) -> RetryPolicy:
    return step.retry if isinstance(step.retry, RetryPolicy) else RetryPolicy(retries=step.retry)


def _may_repeat(failure: StepFailure) -> bool:
    cause = failure.cause
    return cause is None or (
        isinstance(cause, Exception) and not isinstance(cause, RunCancelledError)
    )


def _begin_again(
    context: BaseStepContext, reporter: StepReporter, pause_s: float, failed: StepResult
) -> None:
    """Wait and start the next attempt; a request to cancel ends the wait and the step."""
    try:
        reporter.tell(Transition.RETRIED, failed.error)
        context.runtime_ctx.sleep(pause_s)
        reporter.start_attempt()
    except BaseException as error:  # noqa: BLE001 - a signal may end the wait too
        raise StepFailure(failed, error) from None

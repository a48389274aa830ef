"""Undoes steps in reverse."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from synapse_core.errors import RunCancelledError
from synapse_core.steps.awaiting import Awaiter
from synapse_core.steps.base import BaseStep
from synapse_core.steps.checkpoints import StepCheckpoints
from synapse_core.steps.context import BaseStepContext
from synapse_core.steps.reporting import StepReporter, Transition, describe_error
from synapse_core.steps.results import StepResult

__all__ = ["Done", "roll_back"]


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was executed, here or in the process before a resume."""

    step: BaseStep[Any]
    result: StepResult
    reporter: StepReporter


def roll_back(
    done: Sequence[Done],
    context: BaseStepContext,
    checkpoints: StepCheckpoints,
    awaiter: Awaiter,
) -> list[Exception]:
    """Roll back the steps, last one first, and return what went wrong.

    One that cannot be undone does not keep the others from it.
    """
    errors: list[Exception] = []
    context.on_progress = None
    # A cancelled run must be able to clear up: asking whether it is cancelled lets it go on.
    context.on_check = _go_on
    for one in reversed(done):
        if not one.step.can_roll_back:
            continue
        context.current_step = one.step.name
        # First: should the process die in the middle, nobody may take the step for finished.
        _insist(lambda step=one.step: checkpoints.revoke(step))
        error = _undo(one, context, awaiter)
        if error is not None:
            errors.append(error)
    context.on_check = None
    return errors


def _undo(one: Done, context: BaseStepContext, awaiter: Awaiter) -> Exception | None:
    one.reporter.start_clock()
    try:
        awaiter.settle(one.step.rollback(context, one.result))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the user's code
        told = describe_error(error)
        _insist(lambda: one.reporter.tell(Transition.ROLLBACK_FAILED, told))
        context.errors.append(f"Rolling back {one.step.name!r}: {told}")
        error.add_note(f"while step {one.step.name!r} was rolled back")
        return error if isinstance(error, Exception) else _as_exception(error)
    _insist(lambda: one.reporter.tell(Transition.ROLLED_BACK))
    return None


def _insist(record: Callable[[], None]) -> None:
    """Record something, also when a second request to stop comes by a signal just then.

    It comes once at most; what was recorded already says the same twice.
    """
    try:
        record()
    except RunCancelledError:
        record()


def _as_exception(error: SystemExit) -> Exception:
    wrapped = RuntimeError(f"It left with {describe_error(error)}.")
    wrapped.__cause__ = error
    return wrapped


def _go_on() -> None:
    """Let the caller go on."""

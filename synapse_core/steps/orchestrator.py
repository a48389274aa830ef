"""Runs the steps of an action."""

from collections.abc import Callable, Sequence
from typing import Generic, NoReturn, TypeVar

from synapse_core.errors import RunCancelledError, StepError
from synapse_core.steps.attempts import StepFailure, execute_step
from synapse_core.steps.awaiting import Awaiter
from synapse_core.steps.base import BaseStep
from synapse_core.steps.checkpoints import StepCheckpoints
from synapse_core.steps.context import BaseStepContext
from synapse_core.steps.progress import StepProgress
from synapse_core.steps.registry import StepRegistry
from synapse_core.steps.reporting import StepReporter, Transition, describe_error
from synapse_core.steps.results import StepResult
from synapse_core.steps.rollback import Done, roll_back
from synapse_core.types import JSONObject, JSONValue

__all__ = ["Orchestrator"]

C = TypeVar("C", bound=BaseStepContext)


class Orchestrator(Generic[C]):
    """Executes steps in order, and undoes them in reverse when one fails.

    Args:
        registry: The steps.
        context: What they share.
        progress_callback: Told how far all of them have come, as percent and 100, whenever the
            percent has changed; None reports it as the progress of the run.
        params: What the action was given. With other params a later attempt executes every step
            again; with None it always does.
    """

    def __init__(
        self,
        registry: StepRegistry[C],
        context: C,
        progress_callback: Callable[[int, int], None] | None = None,
        *,
        params: JSONValue = None,
    ) -> None:
        self._steps = registry.get_steps()
        self._context = context
        self._runtime = context.runtime_ctx
        tell = progress_callback or self._runtime.set_progress
        self._progress = StepProgress([step.progress_weight for step in self._steps], tell)
        self._checkpoints = StepCheckpoints(self._runtime, params)
        self._awaiter = Awaiter()
        self._done: list[Done] = []

    def execute(self) -> JSONObject:
        """Execute the steps that no earlier attempt has finished.

        Returns:
            `success`, and how many steps were executed, skipped and resumed, of how many in total:
            `steps_executed`, `steps_skipped`, `steps_resumed`, `steps_total`.

        Raises:
            StepError: A step failed. Its cause is what the step raised; when undoing failed too,
                a group of what the step raised, first, and the errors of undoing.
            RunCancelledError: The run was cancelled between two steps or in one.
        """
        with self._awaiter:
            try:
                return self._execute_all()
            except (RunCancelledError, KeyboardInterrupt) as stop:
                errors = self._roll_back()
                if not errors:
                    raise
                raise stop from _group(None, errors)
            finally:
                self._context.current_step = None
                self._context.on_progress = None

    def _execute_all(self) -> JSONObject:
        resumed = self._take_over()
        executed = 0
        for number, step in enumerate(self._steps[resumed:], resumed + 1):
            self._context.current_step = None
            self._runtime.check_cancelled()
            executed += self._perform(step, self._reporter(step, number))
        return {
            "success": True,
            "steps_executed": executed,
            "steps_skipped": len(self._steps) - resumed - executed,
            "steps_resumed": resumed,
            "steps_total": len(self._steps),
        }

    def _take_over(self) -> int:
        """Mark the steps that earlier attempts finished, and return how many they are."""
        kept = self._checkpoints.take_over(self._steps, self._context)
        count = len(kept.results)
        for number, (step, result) in enumerate(zip(self._steps, kept.results, strict=False), 1):
            reporter = self._reporter(step, number)
            self._context.step_results.append(result)
            if not result.skipped:
                self._done.append(Done(step, result, reporter))
            reporter.tell(Transition.RESUMED)
            self._progress.finish_step()
        if count:
            last = self._steps[count - 1].name
            self._runtime.logger.info(
                "Resumed behind step %r: %d of %d steps had finished and do not run again.",
                *(last, count, len(self._steps)),
            )
        if kept.reason:
            self._runtime.logger.info("No more steps are taken over: %s.", kept.reason)
        return count

    def _perform(self, step: BaseStep[C], reporter: StepReporter) -> bool:
        """Bring one step to its end; False when it was skipped."""
        context = self._context
        context.current_step = step.name
        context.on_progress = self._progress.advance
        try:
            is_skipped = step.can_skip(context)
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises fails the step
            failed = StepResult(success=False, error=describe_error(error))
            # Nothing of it was executed, so there is nothing of it to undo.
            self._fail(step, reporter, StepFailure(failed, error))
        if is_skipped:
            result = StepResult(skipped=True)
        else:
            result = self._execute(step, reporter)
            self._done.append(Done(step, result, reporter))
        context.step_results.append(result)
        self._checkpoints.save(step, result, context)
        reporter.tell(Transition.SKIPPED if is_skipped else Transition.SUCCEEDED)
        self._progress.finish_step()
        return not is_skipped

    def _execute(self, step: BaseStep[C], reporter: StepReporter) -> StepResult:
        try:
            return execute_step(step, self._context, reporter, self._awaiter)
        except StepFailure as failure:
            self._done.append(Done(step, failure.result, reporter))
            self._fail(step, reporter, failure)

    def _fail(self, step: BaseStep[C], reporter: StepReporter, failure: StepFailure) -> NoReturn:
        """Record the failure, undo what was done, and raise what it means for the action."""
        cause, said = failure.cause, failure.result.error
        self._context.errors.append(f"{step.name}: {said}")
        self._context.step_results.append(failure.result)
        reporter.tell(Transition.FAILED, said)
        if isinstance(cause, RunCancelledError | KeyboardInterrupt):
            raise cause
        errors = self._roll_back()
        raise StepError(
            f"Step {step.name!r} failed: {said}",
            hint=getattr(cause, "hint", ""),
            step=step.name,
            rollback_errors=[describe_error(error) for error in errors],
        ) from _group(cause, errors)

    def _roll_back(self) -> Sequence[Exception]:
        done, self._done = self._done, []
        return roll_back(done, self._context, self._checkpoints, self._awaiter)

    def _reporter(self, step: BaseStep[C], number: int) -> StepReporter:
        return StepReporter(self._runtime, step.name, number, len(self._steps))


def _group(first: BaseException | None, errors: Sequence[Exception]) -> BaseException | None:
    """Return the first error, in a group with those of undoing when there are any."""
    if not errors:
        return first
    causes = [*([] if first is None else [first]), *errors]
    return BaseExceptionGroup("a step failed, and undoing what was done failed too", causes)

"""What the steps of one action share."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from synapse_core.model.event import LogLevel
from synapse_core.runtime.context import RuntimeContext
from synapse_core.steps.results import StepResult
from synapse_core.steps.state import capture, restore
from synapse_core.types import JSONObject

__all__ = ["BaseStepContext"]


@dataclass
class BaseStepContext:
    """Carries what one step leaves for the next; subclass it and add attributes.

    After each step its attributes are saved, so that a later attempt can go on behind the step.
    Those that begin with `_` are not: let `create_context` make them again.

    Attributes:
        runtime_ctx: The context of the action.
        step_results: Results of the steps so far, skipped ones included, in order.
        errors: What went wrong, one text each.
        current_step: Name of the running step.
    """

    runtime_ctx: RuntimeContext
    step_results: list[StepResult] = field(default_factory=list[StepResult])
    errors: list[str] = field(default_factory=list[str])
    current_step: str | None = None
    on_progress: Callable[[float], None] | None = field(
        default=None, init=False, repr=False, compare=False
    )
    """Told how much of the running step is done, from 0 to 1; set by the orchestrator."""
    on_check: Callable[[], None] | None = field(default=None, init=False, repr=False, compare=False)
    """Asked whether the running step may go on; set by the orchestrator."""

    @property
    def logger(self) -> logging.Logger:
        """Writes to the log of the run."""
        return self.runtime_ctx.logger

    def log(
        self,
        event: str,
        data: Mapping[str, Any] | None = None,
        file: object = None,
        level: LogLevel | str = LogLevel.INFO,
    ) -> None:
        """Record a structured event; see `RuntimeContext.log`."""
        self.runtime_ctx.log(event, data, file, level)

    def set_progress(self, current: float, total: float, category: str | None = None) -> None:
        """Tell how far the running step has come; see `RuntimeContext.set_progress`."""
        self.runtime_ctx.set_progress(current, total, category or self.current_step)
        if self.on_progress is not None and category in {None, self.current_step}:
            self.on_progress(min(1.0, max(0.0, current / total)))

    def set_metrics(self, value: Mapping[str, Any], category: str | None = None) -> None:
        """Record metrics of the running step; see `RuntimeContext.set_metrics`."""
        self.runtime_ctx.set_metrics(value, category or self.current_step)

    def check_cancelled(self) -> None:
        """Leave the step here if the run was cancelled or the step's time is over.

        Raises:
            RunCancelledError: Somebody cancelled the run.
        """
        if self.on_check is not None:
            self.on_check()
        else:
            self.runtime_ctx.check_cancelled()

    def sleep(self, seconds: float) -> None:
        """Do nothing for a while; unlike `time.sleep`, leave at once when the run is cancelled.

        Raises:
            RunCancelledError: Somebody cancelled the run.
        """
        self.runtime_ctx.sleep(seconds)
        self.check_cancelled()

    def save_state(self) -> JSONObject:
        """Return what a later process needs to go on behind the step that has just finished.

        The default takes every attribute whose name does not begin with `_`. Override it together
        with `restore_state` for what JSON and the annotations cannot carry.

        Raises:
            UnsavableStateError: An attribute cannot be saved; a resume then begins earlier.
        """
        return capture(self, _OWN)

    def restore_state(self, state: JSONObject) -> None:
        """Take over what `save_state` returned in an earlier process.

        Raises:
            ValueError: It no longer fits; then every step runs again.
        """
        restore(self, state)


_OWN = frozenset(own.name for own in fields(BaseStepContext))

"""Turns on what a framework can report by itself."""

from collections.abc import Callable

from synapse_core.errors import InvalidInputError, nearest
from synapse_core.integrations.ultralytics import report_ultralytics
from synapse_core.runtime.context import RuntimeContext

__all__ = ["FRAMEWORKS", "autolog"]

FRAMEWORKS: dict[str, Callable[[RuntimeContext], None]] = {"ultralytics": report_ultralytics}
"""What turns on each framework that is known."""


def autolog(framework: str, context: RuntimeContext) -> None:
    """Let a framework report progress, metrics and files of this run by itself.

    Args:
        framework: Its name.
        context: The run to report to.

    Raises:
        InvalidInputError: No such framework is known.
        MissingExtraError: It is not installed.
    """
    turn_on = FRAMEWORKS.get(framework)
    if turn_on is None:
        known = ", ".join(FRAMEWORKS)
        raise InvalidInputError(
            f"Nothing is known of a framework {framework!r} that could report by itself.",
            hint=f"{nearest(framework, FRAMEWORKS)} Known: {known}. For others, call set_progress "
            "and set_metrics.".strip(),
        )
    turn_on(context)

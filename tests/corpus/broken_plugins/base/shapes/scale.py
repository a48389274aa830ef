"""Scales a shape."""

from synapse_core import action
from synapse_core.context import RuntimeContext


@action(name="scale", description="Scale a shape.")
def scale(context: RuntimeContext, sides: list[float] | None = None, factor: float = 2.0) -> dict[str, float]:
    """Return the new sides by number."""
    context.set_progress(1, 1)
    return {str(number): side * factor for number, side in enumerate(sides or [1.0])}

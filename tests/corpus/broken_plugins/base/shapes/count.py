"""Counts corners."""

from synapse_core import action
from synapse_core.context import RuntimeContext

from shapes.params import CountParams
from shapes.results import CountResult


@action(
    name="count",
    description="Count the corners of some shapes.",
    params=CountParams,
    result=CountResult,
)
def count(params: CountParams, context: RuntimeContext) -> CountResult:
    """Add them up."""
    context.logger.info("Counting")
    return CountResult(corners=sum(params.corners))

"""Where an action made of steps is handed to what runs them."""

from typing import Any, Protocol

from pydantic_core import PydanticSerializationError

from synapse_core.errors import ActionDefinitionError
from synapse_core.steps.context import BaseStepContext
from synapse_core.steps.orchestrator import Orchestrator
from synapse_core.steps.registry import StepRegistry
from synapse_core.types import JSONObject, JSONValue

__all__ = ["run_steps"]


class _SteppedAction(Protocol):
    """What is asked of an action that may have steps; `BaseAction` has it all."""

    params: Any

    def setup_steps(self, registry: Any) -> None: ...  # noqa: ANN401 - of the author's own context

    def create_context(self) -> object: ...

    def build_result(self, context: Any, counts: JSONObject) -> object: ...  # noqa: ANN401 - as above

    def execute(self) -> object: ...


def run_steps(action: _SteppedAction) -> object:
    """Run the steps that the action registers, in order, and return its result.

    Raises:
        StepError: A step failed; those before it were rolled back.
    """
    registry = StepRegistry[BaseStepContext]()
    action.setup_steps(registry)
    if not registry:
        return action.execute()
    context = _context_of(action)
    counts = Orchestrator(registry, context, params=_comparable_params(action)).execute()
    return action.build_result(context, counts)


def _context_of(action: _SteppedAction) -> BaseStepContext:
    made = action.create_context()
    if isinstance(made, BaseStepContext):
        return made
    raise ActionDefinitionError(
        f"{type(action).__name__}.create_context returned {type(made).__name__}.",
        hint="Return an instance of a subclass of BaseStepContext.",
    )


def _comparable_params(action: _SteppedAction) -> JSONValue:
    """Return what tells these params from others: a resume with others runs every step again."""
    try:
        return action.params.model_dump_json()
    except PydanticSerializationError:  # a field whose type no JSON can say
        return repr(action.params)

"""Where an action made of steps is handed to what runs them."""

from typing import TYPE_CHECKING, Any, cast

from pydantic_core import PydanticSerializationError

from synapse_core.errors import ActionDefinitionError
from synapse_core.steps.context import BaseStepContext
from synapse_core.steps.orchestrator import Orchestrator
from synapse_core.steps.registry import StepRegistry
from synapse_core.types import JSONValue

if TYPE_CHECKING:
    from synapse_core.actions.base import BaseAction

__all__ = ["run_steps"]


def run_steps(action: "BaseAction[Any]") -> object:
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


def _context_of(action: "BaseAction[Any]") -> BaseStepContext:
    made = cast("object", action.create_context())
    if isinstance(made, BaseStepContext):
        return made
    raise ActionDefinitionError(
        f"{type(action).__name__}.create_context returned {type(made).__name__}.",
        hint="Return an instance of a subclass of BaseStepContext.",
    )


def _comparable_params(action: "BaseAction[Any]") -> JSONValue:
    """Return what tells these params from others: a resume with others runs every step again."""
    try:
        return action.params.model_dump_json()
    except PydanticSerializationError:  # a field whose type no JSON can say
        return repr(action.params)

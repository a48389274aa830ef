"""Calls an action: params in, result out, both checked."""

import threading
from collections.abc import Coroutine, Mapping
from contextvars import copy_context
from types import CoroutineType
from typing import Any, cast

from pydantic import BaseModel

from synapse_core.actions.definition import Action, definition_of
from synapse_core.actions.params import parse_params
from synapse_core.actions.results import conform
from synapse_core.runtime.context import RuntimeContext

__all__ = ["invoke"]


def invoke(
    action: Action, params: Mapping[str, object] | BaseModel | None, context: RuntimeContext
) -> object:
    """Execute an action in this thread and return what it returned.

    An `async` action runs in an event loop of its own. Every executor comes through here, so that
    an action behaves the same wherever it is placed.

    Args:
        action: A `BaseAction` subclass, or a function decorated with `@action`.
        params: What it is given: a JSON object, or a ready instance of its params model.
        context: All that it may touch.

    Returns:
        The result; an instance of the result model when the action declares one.

    Raises:
        ActionDefinitionError: It is no action.
        ParamsError: The params do not meet its model.
        ResultError: The result does not meet its model.
        BaseException: Whatever the action raises.
    """
    definition = definition_of(action)
    result = definition.execute(parse_params(definition.params_model, params), context)
    if isinstance(result, CoroutineType):
        result = _await(cast("Coroutine[Any, Any, object]", result))
    model = definition.result_model
    return result if model is None else conform(result, model)


def _await(coroutine: Coroutine[Any, Any, object]) -> object:
    # It takes a third of the time of a whole start, and few actions are asynchronous.
    import asyncio  # noqa: PLC0415 - see above

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    # A notebook, or an action called by another: this thread's loop cannot run a second one.
    outcome: list[object] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=copy_context().run, args=(run,), name="synapse-await")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]

"""Finds the quickest way to call a function with its params and its context.

Every run of a function goes through one of these, so the usual forms have no loop and no lookup.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from typing import Any, TypeAlias

from pydantic import BaseModel

from synapse_core.runtime.context import RuntimeContext

__all__ = ["Caller", "make_caller"]

Caller: TypeAlias = Callable[[BaseModel, RuntimeContext], object]


def make_caller(
    function: Callable[..., Any],
    given: Sequence[Parameter],
    context: Parameter | None,
    fields: Mapping[str, Parameter] | None,
) -> Caller:
    """Return what calls the function.

    Args:
        function: The function.
        given: The parameters that params go to; at most one where it takes their model.
        context: The parameter that takes the context.
        fields: The parameters by field of the model; None where the function takes the model.
    """
    by_name = [one for one in (*given, context) if one is not None]
    if any(one.kind is Parameter.POSITIONAL_ONLY for one in by_name):
        return _by_position(function, given, context, fields)
    if fields is None:
        return _with_model(function, given[0].name if given else None, context)
    if any(field != one.name for field, one in fields.items()):
        return _by_position(function, given, context, fields)
    if context is None:
        return lambda params, _: function(**vars(params))
    name = context.name
    return lambda params, ctx: function(**vars(params), **{name: ctx})


def _with_model(
    function: Callable[..., Any], name: str | None, context: Parameter | None
) -> Caller:
    if context is None:
        return (
            (lambda _p, _c: function())
            if name is None
            else lambda params, _: function(**{name: params})
        )
    taken = context.name
    if name is None:
        return lambda _, ctx: function(**{taken: ctx})
    return lambda params, ctx: function(**{name: params, taken: ctx})


def _by_position(
    function: Callable[..., Any],
    given: Sequence[Parameter],
    context: Parameter | None,
    fields: Mapping[str, Parameter] | None,
) -> Caller:
    """Return what calls a function of any form."""
    filled = {one.name for one in (*given, context) if one is not None}
    order = [
        one.name
        for one in inspect.signature(function).parameters.values()
        if one.kind is Parameter.POSITIONAL_ONLY and one.name in filled
    ]

    def call(params: BaseModel, ctx: RuntimeContext) -> object:
        values: dict[str, object] = (
            {one.name: params for one in given}
            if fields is None
            else {one.name: getattr(params, field) for field, one in fields.items()}
        )
        if context is not None:
            values[context.name] = ctx
        positional = [values.pop(name) for name in order]
        return function(*positional, **values)

    return call

"""Reads what stands in the brackets of `BaseAction[Params]`."""

import sys
from typing import ForwardRef, get_args, get_origin

__all__ = ["read_brackets", "resolve_name"]

_KEPT_IN = "_params_argument"
"""Attribute of every action class: what stood in its brackets, or a type variable."""


def read_brackets(cls: type) -> object:
    """Return the params as `cls` names them: a model, a name in quotes, or a type variable.

    Generic classes between it and `BaseAction` may pass them on under variables of their own.
    """
    for base in cls.__dict__.get("__orig_bases__", cls.__bases__):
        origin = get_origin(base) or base
        argument = getattr(origin, _KEPT_IN, None)
        if argument is None:
            continue
        passed_on: tuple[object, ...] = getattr(origin, "__parameters__", ())
        given = get_args(base)
        if argument in passed_on and len(given) == len(passed_on):
            return given[passed_on.index(argument)]
        return argument
    return None


def resolve_name(argument: object, cls: type) -> object | None:
    """Return what a name in quotes stands for in the module of `cls`; None when it is not there.

    What is no name in quotes is returned as it is.
    """
    name = argument.__forward_arg__ if isinstance(argument, ForwardRef) else argument
    if not isinstance(name, str):
        return argument
    found: object = sys.modules.get(cls.__module__)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found

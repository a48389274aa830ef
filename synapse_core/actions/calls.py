"""Looks whether a class can be called the way that a run calls it."""

import inspect
from types import FunctionType
from typing import Any

from synapse_core.errors import ActionDefinitionError

__all__ = ["ensure_callable"]

_METHODS = {
    "execute": ("self",),
    "setup_steps": ("self", "registry"),
    "create_context": ("self",),
    "build_result": ("self", "context", "counts"),
}
"""What a run calls, and with what."""


def ensure_callable(target: type[Any], base: type[Any]) -> None:
    """Look at what the class overrides of its base.

    Raises:
        ActionDefinitionError: It cannot be made, or a method not be called, as a run does it.
    """
    if target.__init__ is not base.__init__:
        _ensure_takes(target, ("params", "ctx"), target.__qualname__, "__init__", is_made=True)
    for name, arguments in _METHODS.items():
        method: object = inspect.getattr_static(target, name)
        if method is inspect.getattr_static(base, name):
            continue
        if isinstance(method, FunctionType):
            _ensure_takes(method, arguments, target.__qualname__, name)
        elif not (
            callable(method)
            or inspect.ismethoddescriptor(method)
            or inspect.isdatadescriptor(method)
        ):
            raise ActionDefinitionError(
                f"{target.__qualname__}.{name} is {method!r}, which cannot be called.",
                hint=f"Write `def {name}({', '.join(arguments)})`.",
            )


def _ensure_takes(
    called: Any,  # noqa: ANN401 - a class or a function, as `inspect.signature` takes them
    arguments: tuple[str, ...],
    owner: str,
    name: str,
    *,
    is_made: bool = False,
) -> None:
    try:
        inspect.signature(called).bind(*arguments)
    except TypeError as error:
        shown = ("self", *arguments) if is_made else arguments
        hint = f"Write `def {name}({', '.join(shown)})`"
        hint += ", and call `super().__init__(params, ctx)` in it." if is_made else "."
        raise ActionDefinitionError(
            f"{owner}.{name} cannot be called with {', '.join(shown)}: {error}.", hint=hint
        ) from error
    except ValueError:
        return  # made by C code, which tells no signature

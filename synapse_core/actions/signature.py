"""Reads the params of an action from the signature of a function."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from synapse_core.actions.calling import make_caller
from synapse_core.errors import ActionDefinitionError
from synapse_core.runtime.context import RuntimeContext

__all__ = ["Signature"]

_CONTEXT_NAMES = frozenset({"context", "ctx"})
_PARAMS_NAME = "params"


class Signature:
    """How a function is called with validated params and a context.

    Args:
        function: The function.
        model: The model of its params; None to read it from the signature.

    Raises:
        ActionDefinitionError: It cannot be called so; says which parameter is wrong and why.
    """

    def __init__(self, function: Callable[..., Any], model: type[BaseModel] | None) -> None:
        _refuse_generators(function)
        self._function = function
        self._parameters = tuple(inspect.signature(function).parameters.values())
        self._types = _read_types(function, self._parameters)
        self._context = _find_context(self._parameters, self._types)
        given = [one for one in self._parameters if one is not self._context]
        self._takes_model = model is not None or _is_params(given, self._types)
        if self._takes_model:
            _check_takes_model(function, given)
            self._model = model or _as_model(self._types.get(_PARAMS_NAME))
            self._given = [one for one in given if one.default is Parameter.empty][:1] or given[:1]
        else:
            _check_typed(function, given)
            self._given = given
            self._model = self._build_model() if self._is_resolved() else None
        takes = None if self._takes_model else _name_fields(self._given)
        self._caller = make_caller(function, self._given, self._context, takes)

    @property
    def params_model(self) -> type[BaseModel]:
        """The model of the params.

        Raises:
            ActionDefinitionError: A type in the signature cannot be found.
        """
        if self._model is None:
            self._types = _read_types(self._function, self._parameters)
            for one in self._given:
                if isinstance(self._types[one.name], str):
                    raise _wrong(
                        self._function,
                        one,
                        f"has the type {self._types[one.name]!r}, which cannot be found",
                        "Import it at the top of the module, outside of `if TYPE_CHECKING`.",
                    )
            self._model = self._build_model()
        return self._model

    def call(self, params: BaseModel, context: RuntimeContext) -> object:
        """Call the function; a coroutine is returned as it is."""
        return self._caller(params, context)

    def _is_resolved(self) -> bool:
        return not any(isinstance(self._types[one.name], str) for one in self._given)

    def _build_model(self) -> type[BaseModel]:
        fields: dict[str, Any] = {
            field: (self._types[one.name], _make_field(one, field))
            for field, one in _name_fields(self._given).items()
        }
        words = self._function.__name__.replace("_", " ").title().replace(" ", "")
        config = ConfigDict(protected_namespaces=())
        try:
            return create_model(
                f"{words}Params", __config__=config, __module__=self._function.__module__, **fields
            )
        except (PydanticUserError, TypeError, NameError) as error:
            raise ActionDefinitionError(
                f"The params of {self._function.__qualname__} cannot be described: "
                f"{str(error).partition(chr(10))[0]}",
                hint="Use types that JSON can carry: numbers, text, lists, dicts, enums, Path, "
                "dates or pydantic models.",
            ) from error


def _refuse_generators(function: Callable[..., Any]) -> None:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ActionDefinitionError(
            f"{function.__qualname__} has a yield, so calling it runs nothing and returns a "
            "generator.",
            hint="Return the result; report what comes in between with context.log or set_metrics.",
        )


def _read_types(
    function: Callable[..., Any], parameters: Sequence[Parameter]
) -> Mapping[str, object]:
    """Return the types by parameter; one in quotes that is not defined yet stays text."""
    names: dict[str, Any] = getattr(inspect.unwrap(function), "__globals__", {})
    return {one.name: _evaluate(one.annotation, names) for one in parameters}


def _evaluate(annotation: object, names: dict[str, Any]) -> object:
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, names)  # noqa: S307 - as Python itself does with the author's types
    except (NameError, AttributeError):
        return annotation
    except Exception as error:
        raise ActionDefinitionError(
            f"The type {annotation!r} cannot be read: {error}", hint="Correct the annotation."
        ) from error


def _find_context(parameters: Sequence[Parameter], types: Mapping[str, object]) -> Parameter | None:
    for one in parameters:
        if _is_context_type(types[one.name]):
            return one
    for one in parameters:
        annotation: Any = types[one.name]
        is_open = annotation is Any or annotation is object or annotation is Parameter.empty
        if one.name in _CONTEXT_NAMES and (is_open or isinstance(annotation, str)):
            return one
    return None


def _is_context_type(annotation: object) -> bool:
    if isinstance(annotation, str):  # imported for type checkers only
        return annotation.rpartition(".")[2] == RuntimeContext.__name__
    if isinstance(annotation, type):
        return issubclass(annotation, RuntimeContext)
    return get_origin(annotation) is not None and any(map(_is_context_type, get_args(annotation)))


def _is_params(given: Sequence[Parameter], types: Mapping[str, object]) -> bool:
    """Whether the function is of the form `(params, context)`, without the decorator saying so."""
    return (
        len(given) == 1
        and given[0].name == _PARAMS_NAME
        and _as_model(types[_PARAMS_NAME]) is not None
    )


def _as_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def _check_takes_model(function: Callable[..., Any], given: Sequence[Parameter]) -> None:
    """Refuse what cannot be called with params and context."""
    required = [
        one
        for one in given
        if one.default is Parameter.empty
        and one.kind not in {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}
    ]
    if len(required) > 1:
        raise _wrong(
            function,
            required[1],
            "is not given, for the function is called with params and context",
            f"Write `def {function.__name__}(params, context)`, or leave `params=` out of @action.",
        )


def _check_typed(function: Callable[..., Any], given: Sequence[Parameter]) -> None:
    """Refuse parameters that no param could be made of."""
    for one in given:
        if one.kind in {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}:
            stars = "*" if one.kind is Parameter.VAR_POSITIONAL else "**"
            raise _wrong(
                function,
                one,
                f"takes anything (`{stars}{one.name}`), so nobody can tell what to give",
                "Name each param with its type, or take one of type `list[…]` or `dict[str, …]`.",
            )
        if one.annotation is Parameter.empty:
            raise _wrong(
                function,
                one,
                "has no type",
                f"Write `{one.name}: TYPE`; the context is annotated with RuntimeContext.",
            )


def _wrong(
    function: Callable[..., Any], parameter: Parameter, what: str, hint: str
) -> ActionDefinitionError:
    code = inspect.unwrap(function).__code__
    place = f"{code.co_filename}:{code.co_firstlineno}"
    return ActionDefinitionError(
        f"The parameter {parameter.name!r} of the action {function.__qualname__} {what}.",
        hint=hint,
        parameter=parameter.name,
        where=place,
    )


def _name_fields(given: Sequence[Parameter]) -> dict[str, Parameter]:
    """Return the parameters by the name of their field, which a model may not let be the same."""
    return {
        f"param_{number}" if _is_taken(one.name) else one.name: one
        for number, one in enumerate(given)
    }


def _is_taken(name: str) -> bool:
    return name.startswith("_") or hasattr(BaseModel, name)


def _make_field(parameter: Parameter, field: str) -> FieldInfo:
    if isinstance(parameter.default, FieldInfo):
        return parameter.default
    default: Any = ... if parameter.default is Parameter.empty else parameter.default
    made: Any = Field(default) if field == parameter.name else Field(default, alias=parameter.name)
    return made

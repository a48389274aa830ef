"""What an action returns: held to its model, and made JSON."""

import contextlib
import dataclasses
import inspect
import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from synapse_core.actions.problems import find_problems, tell_problems
from synapse_core.errors import ResultError
from synapse_core.runtime.json_safe import safe_repr, well_formed
from synapse_core.types import JSONValue

__all__ = ["conform", "result_to_json"]

M = TypeVar("M", bound=BaseModel)

_MAX_DEPTH = 200
_MAX_INT_BITS = 14_000
"""Python writes and reads decimal integers of up to 4,300 digits."""

_ADVICE = "Return numbers, text, lists, dicts, paths, dates, dataclasses or pydantic models."


def conform(result: object, model: type[M]) -> M:
    """Return the result as an instance of the model that the action declares.

    Raises:
        ResultError: It does not meet the model; says which field, and why.
    """
    if type(result) is model or isinstance(result, model):  # the first is quick, and usual
        return result
    is_dataclass = dataclasses.is_dataclass(result) and not isinstance(result, type)
    try:
        return model.model_validate(result, from_attributes=is_dataclass)
    except ValidationError as error:
        problems = find_problems(error, result, model)
        what = "nothing" if result is None else f"a value of type {type(result).__name__}"
        raise ResultError(
            f"The action returned {what} that does not meet {model.__name__}: "
            f"{tell_problems(problems)}.",
            hint=f"Return {model.__name__}(…) or a dict with its fields, or correct the model.",
            problems=list[JSONValue](problems),
        ) from None


def result_to_json(value: object) -> JSONValue:
    """Return the result as JSON.

    Models are dumped by alias, as their schema says; dataclasses become objects; enums their
    values; paths, dates, times, UUIDs and decimals text; sets sorted lists; numbers and arrays of
    numpy and torch numbers and lists. NaN and the infinities, which JSON lacks, become the texts
    `nan`, `inf` and `-inf`, which `float` and pydantic read back.

    Raises:
        ResultError: A part of it is none of these; says where it is.
    """
    return _Converter().convert(value, "")


class _Converter:
    """Walks one value, and knows the path to where it is."""

    def __init__(self) -> None:
        self._inside: set[int] = set()

    def convert(self, value: object, path: str) -> JSONValue:
        made: JSONValue
        match value:
            case Enum():
                made = self.convert(value.value, path)
            case None | bool():
                made = value
            case str():
                made = well_formed(str(value))
            case int():
                made = _whole(int(value), path)
            case float():
                made = _real(float(value))
            case _:
                made = self._nested(value, path) if _is_nest(value) else self._other(value, path)
        return made

    def _nested(self, value: object, path: str) -> JSONValue:
        """Convert what holds other values, unless it holds itself."""
        at = id(value)
        if at in self._inside:
            raise _error(path, "holds itself", "Return a value without circles.")
        if len(self._inside) >= _MAX_DEPTH:
            raise _error(path, f"nests deeper than {_MAX_DEPTH} levels", "Return a flatter value.")
        self._inside.add(at)
        try:
            if isinstance(value, BaseModel):
                return self.convert(_dump(value, path), path)
            if isinstance(value, Mapping):
                return self._object(cast("Mapping[Any, object]", value), path)
            values = cast("Iterable[object]", value)
            return self._list(_in_order(values) if isinstance(value, AbstractSet) else values, path)
        finally:
            self._inside.remove(at)

    def _object(self, pairs: Mapping[Any, object], path: str) -> JSONValue:
        made: dict[str, JSONValue] = {}
        for key, value in pairs.items():
            name = _key(key, path)
            if name in made:
                raise _error(path, f"has two keys that are {name!r} in JSON", "Rename one of them.")
            made[name] = self.convert(value, f"{path}.{name}" if path else name)
        return made

    def _list(self, values: Iterable[object], path: str) -> JSONValue:
        return [self.convert(one, f"{path}[{number}]") for number, one in enumerate(values)]

    def _other(self, value: object, path: str) -> JSONValue:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in dataclasses.fields(value)]
            return self._nested({name: getattr(value, name) for name in names}, path)
        if isinstance(value, Mapping):
            return self._nested(dict(cast("Mapping[Any, object]", value)), path)
        to_list = getattr(value, "tolist", None)
        if callable(to_list) and hasattr(value, "dtype"):  # numpy and torch, without importing them
            return self.convert(to_list(), path)
        _refuse(value, path)
        try:
            plain = to_jsonable_python(value)
        except (PydanticSerializationError, ValueError, TypeError):
            raise _no_json(value, path) from None
        if type(plain) is type(value):
            raise _no_json(value, path)
        return self.convert(plain, path)


def _is_nest(value: object) -> bool:
    return isinstance(value, dict | list | tuple | BaseModel | set | frozenset)


def _dump(model: BaseModel, path: str) -> object:
    try:
        return model.model_dump(mode="json", by_alias=True, warnings="none")
    except PydanticSerializationError:
        # A field of any type: dumped as it is, so that what JSON lacks is found and named.
        return model.model_dump(by_alias=True, warnings="none")
    except (ValueError, RecursionError) as error:
        raise _error(path, f"cannot be dumped: {error}", "Correct the model.") from error


def _refuse(value: object, path: str) -> None:
    """Refuse what pydantic would turn into something else than its author means."""
    if inspect.isgenerator(value) or inspect.isasyncgen(value) or inspect.iscoroutine(value):
        raise _error(
            path,
            f"is a {type(value).__name__}, which has not run yet",
            "Return its values, such as `list(…)`, and write `await` before a coroutine.",
        )
    if isinstance(value, bytes | bytearray | memoryview):
        raise _error(
            path,
            "holds bytes, which JSON cannot say",
            "Save them with save_artifact and return the name, or decode them.",
        )
    if type(value).__name__ == "DataFrame":
        raise _error(
            path,
            "is a table",
            'Return `table.to_dict("records")`, or save it with save_artifact.',
        )


def _whole(value: int, path: str) -> int:
    if value.bit_length() > _MAX_INT_BITS:
        raise _error(path, "is an integer of more than 4,000 digits", "Return it as text.")
    return value


def _real(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _key(key: object, path: str) -> str:
    match key:
        case Enum():
            return _key(key.value, path)
        case str():
            return well_formed(str(key))
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[key]
        case int() | float():
            return str(key)
        case _:
            pass
    plain: object = None
    with contextlib.suppress(PydanticSerializationError, ValueError, TypeError):
        plain = to_jsonable_python(key)
    if not isinstance(plain, str):
        raise _error(
            path,
            f"has the key {safe_repr(key)}, which cannot be a key in JSON",
            "Use text, or a list of pairs.",
        )
    return plain


def _in_order(values: Iterable[object]) -> list[object]:
    """Return a set in an order that is the same in every run."""
    try:
        return sorted(cast("Iterable[Any]", values))
    except TypeError:
        return sorted(values, key=safe_repr)


def _no_json(value: object, path: str) -> ResultError:
    shown = safe_repr(value)
    return _error(
        path, f"is {shown} of type {type(value).__name__}, which JSON cannot say", _ADVICE
    )


def _error(path: str, what: str, hint: str) -> ResultError:
    place = f"The result at {path}" if path else "The result"
    return ResultError(f"{place} {what}.", hint=hint, path=path)

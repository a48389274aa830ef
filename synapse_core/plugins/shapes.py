"""Walks the fields of the manifest's models beside a value that shall fit them."""

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

from pydantic import BaseModel

from synapse_core.config.yaml_text import Place, YamlPath
from synapse_core.types import JSONObject, JSONValue

__all__ = ["find_model", "prepare"]


def find_model(root: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the model whose keys stand at a path; None where keys are free."""
    annotation: object = root
    for step in path:
        annotation = _below(annotation, step)
    return next(_models(annotation), None)


def prepare(value: JSONValue, model: type[BaseModel], places: dict[YamlPath, Place]) -> JSONValue:
    """Return the value as its author meant it.

    A number or a yes where text belongs is taken as it was written: `1.10` is no `1.1`, and `no` is
    a word. A key with nothing behind it counts as not there.
    """
    return _prepare(value, model, places, ())


def _prepare(
    value: JSONValue, annotation: object, places: dict[YamlPath, Place], path: YamlPath
) -> JSONValue:
    match value:
        case dict():
            below: JSONObject = {}
            keeps_empty = next(_models(annotation), None) is None
            for key, part in value.items():
                prepared = _prepare(part, _below(annotation, key), places, (*path, key))
                if prepared is None and next(_models(_below(annotation, key)), None):
                    prepared = {}  # such as `train:` with nothing below it
                if prepared is not None or keeps_empty:
                    below[key] = prepared
            return below
        case list():
            inner = _below(annotation, 0)
            return [
                _prepare(part, inner, places, (*path, number)) for number, part in enumerate(value)
            ]
        case bool() | int() | float() if str in _choices(annotation):
            place = places.get(path)
            return place.text if place is not None and place.text else value
        case _:
            return value


def _below(annotation: object, step: str | int) -> object:
    """Return what is expected one step below."""
    for choice in _choices(annotation):
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            field = choice.model_fields.get(str(step))
            return field.annotation if field is not None else None
        origin = get_origin(choice)
        if origin is dict:
            return get_args(choice)[1]
        if origin is list:
            return get_args(choice)[0]
    return None


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    for choice in _choices(annotation):
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            yield choice


def _choices(annotation: object) -> Iterator[Any]:
    """Yield the types of a union, without what annotates them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _choices(get_args(annotation)[0])
    elif origin is Union or origin is UnionType:
        for choice in get_args(annotation):
            yield from _choices(choice)
    else:
        yield cast("Any", annotation)

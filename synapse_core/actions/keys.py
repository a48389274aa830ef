"""The keys of params: which a model knows, which are errors, which are secret.

pydantic passes over keys that a model does not have, so that a misspelt param would silently keep
its default. In params they are errors, unless a model says itself what becomes of them (`extra=` in
its configuration): that model is taken by its word.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

__all__ = ["Strictness", "find_field", "is_secret", "known_keys", "strictness_of"]


@dataclass(frozen=True, slots=True)
class Strictness:
    """Where unknown keys are errors.

    Attributes:
        is_everywhere: In the model and all models inside it.
        keys: The keys that the model itself knows, when only others are errors there.
    """

    is_everywhere: bool
    keys: frozenset[str] | None = None


@lru_cache(maxsize=256)
def strictness_of(model: type[BaseModel]) -> Strictness:
    """Return where unknown keys are errors in params of this model."""
    if not any("extra" in one.model_config for one in _models_in(model)):
        return Strictness(is_everywhere=True)
    if "extra" in model.model_config:
        return Strictness(is_everywhere=False)
    return Strictness(is_everywhere=False, keys=known_keys(model))


def known_keys(model: type[BaseModel]) -> frozenset[str] | None:
    """Return the keys that a model knows; None when its aliases are no plain names."""
    keys: set[str] = set()
    config = model.model_config
    takes_names = config.get("populate_by_name") or config.get("validate_by_name")
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        if alias is not None and not isinstance(alias, str):
            return None
        keys.add(alias or name)
        if takes_names:
            keys.add(name)
    return frozenset(keys)


def find_field(model: type[BaseModel], key: str) -> FieldInfo | None:
    """Return the field that takes the value of a key, if there is one."""
    for name, field in model.model_fields.items():
        if key in (name, field.alias, field.validation_alias):
            return field
    return None


def is_secret(model: type[BaseModel], key: str) -> bool:
    """Whether the value of a key must not be shown."""
    field = find_field(model, key)
    shown = repr(field.annotation) if field is not None else ""
    return SecretStr.__name__ in shown or SecretBytes.__name__ in shown


def _models_in(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    seen: set[type[BaseModel]] = set()
    waiting: list[Any] = [model]
    while waiting:
        one = waiting.pop()
        if not (isinstance(one, type) and issubclass(one, BaseModel)):
            waiting += get_args(one)
        elif one not in seen:
            seen.add(one)
            yield one
            waiting += [field.annotation for field in one.model_fields.values()]

"""What can be recorded as a metric."""

from collections.abc import Mapping
from typing import cast

from synapse_core.errors import InvalidInputError
from synapse_core.runtime.json_safe import json_safe, safe_repr, well_formed
from synapse_core.runtime.numbers import plain_number
from synapse_core.types import JSONObject, JSONValue

__all__ = ["metric_values"]

_VALUES = (str, int, float)  # a union would be built at each question


def metric_values(values: object) -> JSONObject:
    """Return numbers, texts and booleans by name, as JSON.

    Numbers of numpy and torch count as numbers. NaN and infinity, which JSON cannot say, become the
    texts `NaN`, `Infinity` and `-Infinity`: a loss that explodes is news, and no reason to stop.

    Raises:
        InvalidInputError: `values` is no mapping, or a value is something else.
    """
    if not isinstance(values, Mapping):
        raise InvalidInputError(
            f"{safe_repr(values)[:100]} is no mapping of metrics.",
            hint='Give values by name: set_metrics({"loss": 0.05}, category="train").',
        )
    given = cast("Mapping[object, object]", values)
    return {_name(name): _value(name, value) for name, value in given.items()}


def _name(name: object) -> str:
    return well_formed(name) if isinstance(name, str) else safe_repr(name)


def _value(name: object, value: object) -> JSONValue:
    if isinstance(value, _VALUES):
        return json_safe(value)
    number = plain_number(value)
    if not isinstance(number, _VALUES):
        raise InvalidInputError(
            f"The metric {_name(name)!r} is {safe_repr(value)[:100]}, a {type(value).__name__}.",
            hint="A metric is a number, a text or a boolean. Leave out what has no value; save "
            "tables as artifacts.",
        )
    return json_safe(number)

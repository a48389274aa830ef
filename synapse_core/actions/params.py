"""Turns what a caller gave into the params of an action, or into words that help to correct it."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from synapse_core.actions.example import correct_params
from synapse_core.actions.keys import Strictness, strictness_of
from synapse_core.actions.problems import find_problems, unknown_key
from synapse_core.errors import ParamsError
from synapse_core.types import JSONObject, JSONValue

__all__ = ["parse_params"]

M = TypeVar("M", bound=BaseModel)

_MAX_NAMED = 3


def parse_params(model: type[M], params: Mapping[str, object] | BaseModel | None) -> M:
    """Return params as an instance of their model.

    Args:
        model: The model of the params.
        params: A JSON object, a mapping of Python values, or a ready instance of the model.

    Raises:
        ParamsError: They do not meet the model. `data["problems"]` lists path, message, what is
            allowed and what was given; `data["example"]` is a corrected object.
    """
    # This is taken by every run: `isinstance` of a model and `model_validate` cost half of it.
    if type(params) is not dict and isinstance(params, model):
        return params
    given = cast("Any", params if params is not None else {})
    strictness = strictness_of(model)
    validate = model.__pydantic_validator__.validate_python
    try:
        if strictness.is_everywhere:
            return validate(given, extra="forbid")
        parsed: M = validate(given)
    except ValidationError as error:
        again = _parse_as_json(model, given, strictness)
        if again is not None:
            return again
        raise _error(model, given, find_problems(error, given, model)) from None
    if strictness.keys is not None and not strictness.keys.issuperset(given):
        unknown = [
            unknown_key(key, given[key], model) for key in given if key not in strictness.keys
        ]
        raise _error(model, given, unknown)
    return parsed


def _parse_as_json(model: type[M], given: object, strictness: Strictness) -> M | None:
    """Return params that only JSON may say so; None when they are wrong in any case.

    A strict model takes the text of a date or a path from JSON, but not from Python.
    """
    try:
        text = json.dumps(given, allow_nan=False)
        return model.model_validate_json(text, extra="forbid" if strictness.is_everywhere else None)
    except (ValueError, TypeError, RecursionError):  # ValidationError is a ValueError
        return None


def _error(model: type[BaseModel], given: object, problems: list[JSONObject]) -> ParamsError:
    count = "1 param does" if len(problems) == 1 else f"{len(problems)} params do"
    named = [str(problem["path"]) for problem in problems if problem["path"]]
    names = ", ".join(named[:_MAX_NAMED]) + (", …" if len(named) > _MAX_NAMED else "")
    facts: dict[str, JSONValue] = {"problems": list[JSONValue](problems)}
    example = correct_params(model, given, problems)
    if example is not None:
        facts["example"] = example
    return ParamsError(
        f"{count} not fit{f': {names}' if names else ''}.",
        hint="Correct the params; the schema tells what is allowed.",
        **facts,
    )

"""Makes params that meet their model: to show how it is done, and to correct what was wrong."""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, cast

from pydantic import BaseModel

from synapse_core.actions.json_schema import params_json_schema
from synapse_core.actions.keys import find_field, is_secret, known_keys
from synapse_core.actions.sample import Sampler
from synapse_core.errors import ActionDefinitionError
from synapse_core.runtime.json_safe import json_safe
from synapse_core.types import JSONObject, JSONValue

__all__ = ["build_example", "correct_params"]

_MAX_CHARS = 2_000
"""A corrected call is not longer; then a plain example is shown in its place."""


def build_example(model: type[BaseModel], schema: JSONObject | None = None) -> JSONObject:
    """Return params that meet the model, as far as its schema tells.

    Defaults come first, then what the author gave as `examples`, then the smallest fitting values.

    Args:
        model: The model.
        schema: Its schema, where it is at hand.

    Raises:
        ActionDefinitionError: A field has a type that JSON cannot carry.
    """
    sampler = Sampler(params_json_schema(model) if schema is None else schema)
    full = sampler.params(with_defaults=True)
    if _fits(model, full):
        return full
    # A validator of the author's may look at the fields together.
    required = sampler.params(with_defaults=False)
    return required if _fits(model, required) else full


def correct_params(
    model: type[BaseModel], given: object, problems: Sequence[Mapping[str, JSONValue]]
) -> JSONObject | None:
    """Return what the caller gave with its mistakes replaced; None when nothing is known to fit.

    Args:
        model: The model of the params.
        given: What does not meet it.
        problems: Where it does not, as `ParamsError` lists them.
    """
    try:
        example = build_example(model)
    except ActionDefinitionError:
        return None
    corrected = _replace_mistakes(model, given, problems, example)
    if len(json.dumps(corrected)) <= _MAX_CHARS and _fits(model, corrected):
        return corrected
    return example if _fits(model, example) else None


def _replace_mistakes(
    model: type[BaseModel],
    given: object,
    problems: Sequence[Mapping[str, JSONValue]],
    example: JSONObject,
) -> JSONObject:
    if not isinstance(given, Mapping):
        return example
    pairs = cast("Mapping[Any, object]", given)
    wrong = {str(problem["path"]).partition(".")[0] for problem in problems}
    keys = known_keys(model) or {*map(str, pairs), *example}
    corrected: JSONObject = {}
    for key, value in pairs.items():
        name = str(key)
        if name not in keys:  # else it is a misspelt one
            (name,) = get_close_matches(name, keys - {*map(str, pairs)}, n=1, cutoff=0.5) or ("",)
        elif name in wrong:
            continue
        if name and not is_secret(model, name):
            corrected[name] = json_safe(value)
    for name, value in example.items():
        field = find_field(model, name)
        if name in wrong or (field is not None and field.is_required()):
            corrected.setdefault(name, value)
    return corrected


def _fits(model: type[BaseModel], params: JSONObject) -> bool:
    try:
        model.model_validate_json(json.dumps(params))
    except Exception:  # noqa: BLE001 - validators are user code, and may raise anything
        return False
    return True

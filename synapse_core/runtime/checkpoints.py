"""Saved positions of a run: what a later attempt resumes from."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from synapse_core.errors import InvalidInputError
from synapse_core.model.event import EventKind
from synapse_core.model.run import Run
from synapse_core.ports import JournalReader
from synapse_core.runtime.json_safe import safe_repr
from synapse_core.types import JSONObject, JSONValue

__all__ = ["exact_json", "inherited_checkpoints", "latest_checkpoints"]

_MAX_DEPTH = 100


def inherited_checkpoints(
    journals: JournalReader, run: Run, *, attempt: int
) -> dict[str, JSONObject]:
    """Return what an attempt may resume from: what earlier ones of the run saved.

    A run that resumes another one is given that one's checkpoints too; its own count more.
    """
    found: dict[str, JSONObject] = {}
    if run.resume and run.rerun_of is not None:
        found |= latest_checkpoints(journals, run.rerun_of)
    if attempt > 1:
        found |= latest_checkpoints(journals, run.id)
    return found


def latest_checkpoints(journals: JournalReader, run_id: str) -> dict[str, JSONObject]:
    """Return the state last saved under each name in the run so far."""
    found: dict[str, JSONObject] = {}
    cursor: str | None = None
    while True:
        page = journals.read(run_id, after=cursor, kinds=frozenset({EventKind.CHECKPOINT}))
        cursor = page.next_cursor
        for event in page.items:
            match event.data:
                case {"name": str(name), "state": dict(state)}:
                    found[name] = state
                case _:
                    pass
        if not page.items:
            return found


def exact_json(state: Mapping[str, object], name: str) -> JSONObject:
    """Return a copy of a checkpoint's state that JSON can carry without any loss.

    Raises:
        InvalidInputError: Some value would come back as something else; the message names it.
    """
    copy = _exact(state, name, 0)
    if not isinstance(copy, dict):
        raise _refusal(name, state)
    return copy


def _exact(value: object, path: str, depth: int) -> JSONValue:
    if type(value) is str or type(value) is int or value is None or isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if depth > _MAX_DEPTH:
        raise InvalidInputError(f"{path[:100]}… is nested too deep.", hint="Flatten the state.")
    if isinstance(value, dict | Mapping):  # to ask for `dict` first is ten times quicker
        return _exact_object(cast("Mapping[object, object]", value), path, depth + 1)
    if isinstance(value, list | tuple):
        items = enumerate(cast("Iterable[object]", value))
        return [_exact(item, f"{path}[{index}]", depth + 1) for index, item in items]
    item: Callable[[], object] | None = getattr(value, "item", None)
    if item is not None and getattr(value, "shape", None) == ():
        return _exact(item(), path, depth + 1)
    raise _refusal(path, value)


def _exact_object(value: Mapping[object, object], path: str, depth: int) -> JSONObject:
    copy: JSONObject = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise _refusal(f"the key {safe_repr(key)} of {path}", key)
        copy[key] = _exact(item, f"{path}.{key}", depth)
    return copy


def _refusal(path: str, value: object) -> InvalidInputError:
    return InvalidInputError(
        f"{path} is {safe_repr(value)[:100]}, a {type(value).__name__}, which JSON cannot carry.",
        hint="A checkpoint holds text, finite numbers, booleans, lists and objects. Save the rest "
        "as an artifact and its name here.",
    )

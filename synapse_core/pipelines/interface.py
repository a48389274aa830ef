"""What a pipeline as a whole is given: derived from what its nodes take."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from synapse_core.errors import ParamsError, nearest
from synapse_core.model.pipeline import Plan
from synapse_core.model.references import PARAMS, Reference, direct_param, find_references
from synapse_core.pipelines.drafts import ActionFacts
from synapse_core.pipelines.kinds import field_schema, known_fields
from synapse_core.types import JSONObject, JSONValue

__all__ = ["check_names", "params_example", "params_schema"]


def check_names(plan: Plan, schema: JSONObject, params: JSONObject) -> None:
    """Look whether the params are those that the pipeline has; their values are for the actions.

    Raises:
        ParamsError: One is missing or unknown.
    """
    known = known_fields(schema) or {}
    wrong = {str(name): "it is missing" for name in _required(schema) if name not in params}
    if schema.get("additionalProperties") is False:
        unknown = [name for name in params if name not in known]
        wrong |= {name: f"there is no such param. {nearest(name, known)}" for name in unknown}
    if wrong:
        told = ", ".join(wrong)
        problems: list[JSONValue] = [
            {"path": name, "message": message.strip()} for name, message in wrong.items()
        ]
        raise ParamsError(
            f"The params of the pipeline {plan.name!r} do not fit: {told}.",
            hint=f"It takes: {', '.join(known) or 'nothing'}.",
            problems=problems,
        )


def params_schema(plan: Plan, facts: Mapping[str, ActionFacts]) -> JSONObject:
    """Return the JSON schema of the params of a pipeline.

    A param that several nodes take is described as the first of them does.
    """
    known: dict[str, JSONValue] = {}
    required: list[JSONValue] = []
    definitions: JSONObject = {}
    for name, schema, whole, is_needed in (*_bound(plan, facts), *_offered(plan, facts)):
        if name not in known:
            known[name] = _carry(schema, whole, definitions)
        if is_needed and name not in required and name not in plan.defaults:
            required.append(name)
    for name, value in plan.defaults.items():
        schema = known.get(name)
        known[name] = {**(schema if isinstance(schema, dict) else {}), "default": value}
    is_open = any(node.merges and node.target.accepts is None for node in plan.nodes)
    told: JSONObject = {"type": "object", "title": plan.name, "properties": known}
    if required:
        told["required"] = required
    if not is_open:
        told["additionalProperties"] = False
    if definitions:
        told["$defs"] = definitions
    return told


_Wanted: TypeAlias = tuple[str, JSONValue, JSONObject, bool]
"""Name of a param, its schema, the schema that this is a part of, and whether it must be given."""


def _bound(plan: Plan, facts: Mapping[str, ActionFacts]) -> Iterator[_Wanted]:
    """Yield the params that nodes refer to, with the schema of what each is bound to."""
    for node in plan.nodes:
        whole = facts[node.name].params
        for key, template in node.inputs.items():
            direct = direct_param(template)
            if direct is not None:
                yield direct, field_schema(whole, key), whole, key in _required(whole)
            else:
                yield from _needed(find_references(template), whole)
        yield from _needed(find_references(node.over), whole)
        for condition in node.conditions():
            yield from _needed(condition.references(), whole)
    yield from _needed(find_references(plan.output), {})


def _needed(references: Iterable[Reference], whole: JSONObject) -> Iterator[_Wanted]:
    for one in references:
        if one.root == PARAMS and one.path:
            yield str(one.path[0]), {}, whole, True


def _required(schema: JSONObject) -> list[JSONValue]:
    required = schema.get("required")
    return required if isinstance(required, list) else []


def _offered(plan: Plan, facts: Mapping[str, ActionFacts]) -> Iterator[_Wanted]:
    """Yield what merging nodes take that no result on the way surely brings."""
    brought: dict[str, set[str]] = {}
    is_unsure: dict[str, bool] = {}
    for node in plan.nodes:
        before = set[str]().union(*(brought[name] for name in node.needs))
        is_unsure_before = any(is_unsure[name] for name in node.needs)
        own = known_fields(facts[node.name].result) if node.over is None else {}
        may_be_skipped = bool(node.when)
        brought[node.name] = before if may_be_skipped else before | set(own or ())
        is_unsure[node.name] = is_unsure_before or own is None or may_be_skipped
        if not node.merges:
            continue
        whole = facts[node.name].params
        names = _required(whole)
        for name, schema in (known_fields(whole) or {}).items():
            if name not in before and name not in node.inputs:
                yield name, schema, whole, name in names and not is_unsure_before


def params_example(plan: Plan, facts: Mapping[str, ActionFacts]) -> JSONObject:
    """Return params that must be given, each with a value that an action has as its example."""
    example: JSONObject = {}
    for node in plan.nodes:
        shown = facts[node.name].example
        bound = {key: direct_param(template) for key, template in node.inputs.items()}
        if node.merges:
            bound = {key: key for key in shown} | bound
        for key, name in bound.items():
            if name is not None and key in shown:
                example.setdefault(name, shown[key])
    schema = params_schema(plan, facts)
    return {str(name): example.get(str(name), "…") for name in _required(schema)}


def _carry(schema: JSONValue, whole: JSONObject, definitions: JSONObject) -> JSONValue:
    """Return the schema of a field, and take along the definitions that it refers to."""
    taken: JSONObject = {}
    own = whole.get("$defs")
    waiting = list(_names_referred(schema))
    while waiting:
        name = waiting.pop()
        if name in taken or not isinstance(own, dict) or name not in own:
            continue
        taken[name] = own[name]
        waiting += _names_referred(own[name])
    if any(name in definitions and definitions[name] != one for name, one in taken.items()):
        return {}  # two plugins mean different things by one name
    definitions.update(taken)
    return schema


def _names_referred(schema: JSONValue) -> Iterator[str]:
    match schema:
        case dict():
            reference = schema.get("$ref")
            if isinstance(reference, str):
                yield reference.removeprefix("#/$defs/")
            for value in schema.values():
                yield from _names_referred(value)
        case list():
            for value in schema:
                yield from _names_referred(value)
        case _:
            pass

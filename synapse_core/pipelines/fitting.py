"""Finds where the actions of a plan do not fit together."""

from collections.abc import Iterator, Mapping

from synapse_core.errors import nearest
from synapse_core.model.graph_faults import Problem
from synapse_core.model.pipeline import Node, Plan
from synapse_core.model.references import Reference, parse_text
from synapse_core.pipelines.drafts import ActionFacts
from synapse_core.pipelines.kinds import (
    can_be_given,
    field_schema,
    kind_of,
    kinds_of,
    kinds_of_text,
    known_fields,
)
from synapse_core.types import JSONValue

__all__ = ["find_misfits"]

_MOST_CHARS = 60


def find_misfits(plan: Plan, facts: Mapping[str, ActionFacts]) -> Iterator[Problem]:
    """Yield what does not fit, in the order of the nodes."""
    nodes = {node.name: node for node in plan.nodes}
    for node in plan.nodes:
        yield from _find_wrong_type(node, nodes, facts)
        yield from _find_wrong_keys(node, facts[node.name])
        for field, template in (*_inputs(node), ("map", node.over)):
            yield from _find_wrong_fields(node.name, field, template, nodes, facts)
        for condition in node.conditions():
            for reference in condition.references():
                yield from _find_wrong_field(node.name, "when", reference, nodes, facts)
        for key, template in node.inputs.items():
            yield from _find_wrong_kind(node, key, template, nodes, facts)
        yield from _find_no_list(node, nodes, facts)
    yield from _find_wrong_fields("", "output", plan.output, nodes, facts)


def _inputs(node: Node) -> list[tuple[str, JSONValue]]:
    return [(f"inputs.{key}", template) for key, template in node.inputs.items()]


def _find_wrong_type(
    node: Node, nodes: Mapping[str, Node], facts: Mapping[str, ActionFacts]
) -> Iterator[Problem]:
    """Yield a node that is given data, and none of the type it consumes."""
    wanted = facts[node.name].input_type
    if wanted is None:
        return
    sources = node.needs if node.merges else _data_sources(node, nodes)
    typed = {name: facts[name].output_kinds for name in sources if facts[name].output_kinds}
    if typed and not any(wanted in kinds for kinds in typed.values()):
        told = ", ".join(f"{name} gives {kinds[0]}" for name, kinds in typed.items())
        yield Problem(
            node.name,
            "input_type",
            f"{node.target.action} consumes {wanted}, but {told}.",
            f"Put an action between them that makes {wanted} of it.",
        )


def _data_sources(node: Node, nodes: Mapping[str, Node]) -> list[str]:
    roots = dict.fromkeys(one.root for one in node.data_references())
    return [root for root in roots if root in nodes]


def _find_wrong_keys(node: Node, facts: ActionFacts) -> Iterator[Problem]:
    if node.merges:
        return  # what is missing is asked of whoever starts the pipeline
    accepts = facts.target.accepts
    for key in node.inputs:
        if accepts is not None and key not in accepts:
            listed = f"It takes: {', '.join(accepts) or 'nothing'}."
            yield Problem(
                node.name,
                f"inputs.{key}",
                f"{node.target.action} takes no param {key!r}.",
                f"{nearest(key, accepts)} {listed}".strip(),
            )
    required = facts.params.get("required")
    for key in required if isinstance(required, list) else []:
        if str(key) not in node.inputs:
            yield Problem(
                node.name,
                f"inputs.{key}",
                f"{node.target.action} needs the param {key!r}, and nothing gives it.",
                f"Add it, such as `{key}: ${{params.{key}}}`.",
            )


def _find_wrong_fields(
    node: str,
    field: str,
    template: JSONValue,
    nodes: Mapping[str, Node],
    facts: Mapping[str, ActionFacts],
) -> Iterator[Problem]:
    match template:
        case str():
            for part in parse_text(template):
                if isinstance(part, Reference):
                    yield from _find_wrong_field(node, field, part, nodes, facts)
        case dict():
            for value in template.values():
                yield from _find_wrong_fields(node, field, value, nodes, facts)
        case list():
            for value in template:
                yield from _find_wrong_fields(node, field, value, nodes, facts)
        case _:
            pass


def _find_wrong_field(
    node: str,
    field: str,
    reference: Reference,
    nodes: Mapping[str, Node],
    facts: Mapping[str, ActionFacts],
) -> Iterator[Problem]:
    source = nodes.get(reference.root)
    if source is None or not reference.path:
        return
    step = reference.path[0]
    if source.over is not None:
        if isinstance(step, str) and not step.isdigit():
            yield Problem(
                node,
                field,
                f"{reference} asks for a field, but {source.name} is repeated: it gives a list.",
                f"Take the whole list, `{Reference(source.name)}`, or one of it, "
                f"`{Reference(source.name, (0,))}`.",
            )
        return
    known = known_fields(facts[source.name].result)
    if known is not None and str(step) not in known:
        yield Problem(
            node,
            field,
            f"The result of {source.name} has no field {str(step)!r}.",
            f"{nearest(str(step), known)} It has: {', '.join(known) or 'none'}.".strip(),
        )


def _find_wrong_kind(
    node: Node,
    key: str,
    template: JSONValue,
    nodes: Mapping[str, Node],
    facts: Mapping[str, ActionFacts],
) -> Iterator[Problem]:
    schema = facts[node.name].params
    wanted = kinds_of(field_schema(schema, key), schema)
    given = _kinds_given(template, nodes, facts)
    told = _listed(given)
    if isinstance(template, str) and all(isinstance(one, str) for one in parse_text(template)):
        given = kinds_of_text(template)
        told = f"the text {template[:_MOST_CHARS]!r}"
    if not can_be_given(given, wanted):
        yield Problem(
            node.name,
            f"inputs.{key}",
            f"{node.target.action} wants {_listed(wanted)}, and is given {told}.",
            "Bind another value, or change one of the two actions.",
        )


def _kinds_given(
    template: JSONValue, nodes: Mapping[str, Node], facts: Mapping[str, ActionFacts]
) -> frozenset[str] | None:
    if not isinstance(template, str):
        return frozenset({kind_of(template)})
    parts = parse_text(template)
    only = parts[0]
    if len(parts) > 1 or isinstance(only, str):
        return frozenset({"string"})
    source = nodes.get(only.root)
    if source is None or len(only.path) > 1:
        return None
    if source.over is not None:
        return None if only.path else frozenset({"array"})
    result = facts[source.name].result or {}
    return kinds_of(field_schema(result, str(only.path[0])) if only.path else result, result)


def _find_no_list(
    node: Node, nodes: Mapping[str, Node], facts: Mapping[str, ActionFacts]
) -> Iterator[Problem]:
    if node.over is None:
        return
    given = _kinds_given(node.over, nodes, facts)
    if given is not None and "array" not in given:
        yield Problem(
            node.name,
            "map",
            f"It is repeated for {_listed(given)}, which is no list.",
            "Give a list, or a field of a result that is one.",
        )


def _listed(kinds: frozenset[str] | None) -> str:
    return " or ".join(sorted(kinds or ()))

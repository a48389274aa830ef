"""Makes a plan of a draft, or tells everything that keeps it from being one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from synapse_core.errors import PipelineDefinitionError, SynapseError, nearest
from synapse_core.model.conditions import parse_condition
from synapse_core.model.pipeline import Node, Plan, explain_bad_node_name, find_cycle, in_order
from synapse_core.model.references import INDEX, ITEM, PARAMS, Reference, find_references
from synapse_core.pipelines.drafts import ActionFacts, FindFacts, NodeDraft, PipelineDraft
from synapse_core.pipelines.fitting import find_misfits
from synapse_core.pipelines.problems import Problem, build_error
from synapse_core.types import JSONValue

__all__ = ["Compiled", "compile_plan"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan, and what is known of the actions in it.

    Attributes:
        plan: The plan.
        facts: By name of the node.
    """

    plan: Plan
    facts: Mapping[str, ActionFacts]


def compile_plan(draft: PipelineDraft, find_facts: FindFacts) -> Compiled:
    """Return the plan that a draft describes; nothing is executed.

    Raises:
        PipelineDefinitionError: It cannot be executed; `data["problems"]` lists all that is wrong.
    """
    problems = [*_find_bad_names(draft), *_find_bad_numbers(draft)]
    if not draft.nodes:
        problems.append(Problem("", "nodes", "There is no node.", "Add one."))
    _stop_at(draft, problems)
    wanted = {node.name: node for node in draft.nodes}
    uses = {node.name: _Uses(node, problems) for node in draft.nodes}
    for name, use in uses.items():
        problems += use.find_unknown(name, wanted)
    problems += _find_bad_output(draft, wanted)
    _stop_at(draft, problems)
    needs = {name: use.needs for name, use in uses.items()}
    problems += _find_circles(needs)
    facts = dict(_gather_facts(draft, find_facts, problems))
    _stop_at(draft, problems)
    nodes = tuple(_build(wanted[name], needs[name], facts, find_facts) for name in in_order(needs))
    plan = Plan(
        name=draft.name,
        nodes=nodes,
        plugin=draft.plugin,
        plugin_path=draft.plugin_path,
        plugin_version=draft.plugin_version,
        description=draft.description,
        defaults=draft.defaults,
        output=draft.output,
        on_failure=draft.on_failure,
        max_parallel=draft.max_parallel,
        timeout_s=draft.timeout_s,
    )
    _stop_at(draft, list(find_misfits(plan, facts)))
    return Compiled(plan, facts)


class _Uses:
    """What a node refers to."""

    def __init__(self, draft: NodeDraft, problems: list[Problem]) -> None:
        self._draft = draft
        self.references: list[tuple[str, Reference]] = []
        for field, template in _templates(draft):
            try:
                self.references += [(field, one) for one in find_references(template)]
            except ValueError as error:
                problems.append(Problem(draft.name, field, f"{error}.", _REFERENCE_FIX))
        for text in draft.when:
            try:
                asked = parse_condition(text).references()
                self.references += [("when", one) for one in asked]
            except ValueError as error:
                problems.append(Problem(draft.name, "when", f"{error}.", "Compare two values."))

    @property
    def needs(self) -> tuple[str, ...]:
        roots = [one.root for _, one in self.references if one.root not in {PARAMS, ITEM, INDEX}]
        return tuple(dict.fromkeys([*self._draft.after, *roots]))

    def find_unknown(self, name: str, known: Mapping[str, object]) -> Iterator[Problem]:
        """Yield what it refers to that is not there."""
        for other in self._draft.after:
            if other not in known:
                yield _unknown(name, "after", other, known)
        for field, one in self.references:
            if one.root in {ITEM, INDEX}:
                if self._draft.over is None or field in {"map", "when"}:
                    message = f"{one} has no meaning here: the node is not repeated."
                    yield Problem(name, field, message, "Say with `map` for which list it is.")
            elif one.root != PARAMS and one.root not in known:
                yield _unknown(name, field, one.root, known)


_REFERENCE_FIX = "Write `${node.field}` or `${params.name}`; a plain `${` is written `$${`."


def _templates(draft: NodeDraft) -> Iterator[tuple[str, JSONValue]]:
    for key, template in (draft.inputs or {}).items():
        yield f"inputs.{key}", template
    yield "map", draft.over


def _unknown(node: str, field: str, name: str, known: Mapping[str, object]) -> Problem:
    listed = f"Nodes: {', '.join(known)}."
    return Problem(
        node, field, f"There is no node {name!r}.", f"{nearest(name, known)} {listed}".strip()
    )


def _find_bad_names(draft: PipelineDraft) -> Iterator[Problem]:
    seen: set[str] = set()
    for node in draft.nodes:
        reason = explain_bad_node_name(node.name)
        if reason:
            yield Problem(node.name, "name", f"No node can be called so: {reason}.", "Rename it.")
        elif node.name in seen:
            yield Problem(node.name, "name", "Two nodes have this name.", "Rename one of them.")
        seen.add(node.name)


def _find_bad_numbers(draft: PipelineDraft) -> Iterator[Problem]:
    if draft.max_parallel < 1:
        yield Problem("", "max_parallel", f"It is {draft.max_parallel}.", "Allow 1 or more.")
    for node in draft.nodes:
        if node.limit < 1:
            yield Problem(node.name, "max_parallel", f"It is {node.limit}.", "Allow 1 or more.")


def _find_bad_output(draft: PipelineDraft, known: Mapping[str, object]) -> Iterator[Problem]:
    try:
        for one in find_references(draft.output):
            if one.root != PARAMS and one.root not in known:
                yield _unknown("", "output", one.root, known)
    except ValueError as error:
        yield Problem("", "output", f"{error}.", _REFERENCE_FIX)


def _find_circles(needs: Mapping[str, tuple[str, ...]]) -> Iterator[Problem]:
    circle = find_cycle(needs)
    if circle:
        listed = " needs ".join(circle)
        yield Problem(
            circle[0], "", f"The nodes wait for one another: {listed}.", "Remove one of these ties."
        )


def _gather_facts(
    draft: PipelineDraft, find_facts: FindFacts, problems: list[Problem]
) -> Iterator[tuple[str, ActionFacts]]:
    for node in draft.nodes:
        for field, action in (("action", node.action), ("undo", node.undo)):
            try:
                facts = find_facts(action) if action is not None else None
            except PipelineDefinitionError:
                raise
            except SynapseError as error:
                problems.append(Problem(node.name, field, error.message, error.hint))
                continue
            if field == "action" and facts is not None:
                yield node.name, facts


def _build(
    draft: NodeDraft,
    needs: tuple[str, ...],
    facts: Mapping[str, ActionFacts],
    find_facts: FindFacts,
) -> Node:
    known = facts[draft.name]
    return Node(
        name=draft.name,
        target=known.target,
        inputs=draft.inputs or {},
        merges=draft.inputs is None,
        needs=needs,
        when=draft.when,
        over=draft.over,
        limit=draft.limit,
        resources=draft.resources or known.resources,
        retry=draft.retry or known.retry,
        timeout_s=draft.timeout_s if draft.timeout_s is not None else known.timeout_s,
        cache=draft.cache,
        undo=find_facts(draft.undo).target if draft.undo is not None else None,
    )


def _stop_at(draft: PipelineDraft, problems: list[Problem]) -> None:
    if problems:
        raise build_error(draft.name, problems)

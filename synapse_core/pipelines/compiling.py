"""Makes a plan of a draft, or tells everything that keeps it from being one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from synapse_core.errors import PipelineDefinitionError, SynapseError
from synapse_core.model.graph_faults import Problem, find_faults, needs_of
from synapse_core.model.pipeline import Node, Plan, in_order
from synapse_core.pipelines.drafts import ActionFacts, FindFacts, NodeDraft, PipelineDraft
from synapse_core.pipelines.fitting import find_misfits
from synapse_core.pipelines.problems import build_error

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
    _stop_at(draft, [*find_faults(draft.nodes, draft.output), *_find_bad_numbers(draft)])
    wanted = {node.name: node for node in draft.nodes}
    needs = {node.name: needs_of(node) for node in draft.nodes}
    problems: list[Problem] = []
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


def _find_bad_numbers(draft: PipelineDraft) -> Iterator[Problem]:
    if draft.max_parallel < 1:
        yield Problem("", "max_parallel", f"It is {draft.max_parallel}.", "Allow 1 or more.")
    for node in draft.nodes:
        if node.limit < 1:
            yield Problem(node.name, "max_parallel", f"It is {node.limit}.", "Allow 1 or more.")


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

"""Makes a plan of a draft, or tells everything that keeps it from being one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from synapse_core.errors import PipelineDefinitionError, SynapseError
from synapse_core.model.graph_faults import Problem, find_faults, needs_of
from synapse_core.model.pipeline import Node, Plan, Target, in_order
from synapse_core.pipelines.drafts import (
    ActionFacts,
    Executable,
    FindFacts,
    NodeDraft,
    PipelineDraft,
)
from synapse_core.pipelines.fitting import find_misfits
from synapse_core.pipelines.nesting import facts_of_pipeline
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
    find = _with_pipelines(find_facts)
    wanted = {node.name: node for node in draft.nodes}
    needs = {node.name: needs_of(node) for node in draft.nodes}
    problems: list[Problem] = []
    found = dict(_gather_facts(draft, find, problems))
    facts = {name: found.get((name, "action"), _UNKNOWN) for name in wanted}
    undos = {name: found.get((name, "undo")) for name in wanted}
    problems += _find_not_for_pipelines(draft, facts)
    nodes = tuple(
        _build(wanted[name], needs[name], facts[name], undos[name]) for name in in_order(needs)
    )
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
    _stop_at(draft, [*problems, *find_misfits(plan, facts)])
    return Compiled(plan, facts)


_UNKNOWN = ActionFacts(target=Target(action=""), params={})
"""Stands for an action that cannot be had, so that the other nodes are looked at all the same."""

_Find: TypeAlias = Callable[[Executable], ActionFacts]


def _with_pipelines(find_facts: FindFacts) -> _Find:
    """Return what also finds the facts of a pipeline that is given as it was described."""
    known: dict[int, ActionFacts] = {}

    def find(action: Executable) -> ActionFacts:
        if not isinstance(action, PipelineDraft):
            return find_facts(action)
        if id(action) not in known:
            compiled = compile_plan(action, find_facts)
            known[id(action)] = facts_of_pipeline(compiled.plan, compiled.facts)
        return known[id(action)]

    return find


def _find_not_for_pipelines(
    draft: PipelineDraft, facts: Mapping[str, ActionFacts]
) -> Iterator[Problem]:
    """Yield what is said of a node that is a pipeline, and has a meaning for actions only."""
    for node in draft.nodes:
        if facts[node.name].target.plan is None:
            continue
        for field, value in (("retries", node.retry), ("resources", node.resources)):
            if value is not None:
                message = f"It is the pipeline {facts[node.name].target.action!r}, no action."
                yield Problem(node.name, field, message, f"Say {field} of the nodes in it.")


def _find_bad_numbers(draft: PipelineDraft) -> Iterator[Problem]:
    if draft.max_parallel < 1:
        yield Problem("", "max_parallel", f"It is {draft.max_parallel}.", "Allow 1 or more.")
    for node in draft.nodes:
        if node.limit < 1:
            yield Problem(node.name, "max_parallel", f"It is {node.limit}.", "Allow 1 or more.")


def _gather_facts(
    draft: PipelineDraft, find_facts: _Find, problems: list[Problem]
) -> Iterator[tuple[tuple[str, str], ActionFacts]]:
    """Yield what is known of the actions, by node and what they are to it."""
    for node in draft.nodes:
        for field, action in (("action", node.action), ("undo", node.undo)):
            if action is None:
                continue
            try:
                facts = find_facts(action)
            except PipelineDefinitionError as error:
                if "problems" not in error.data:  # nothing that another pipeline has wrong
                    raise
                problems.append(Problem(node.name, field, error.message, error.hint))
                continue
            except SynapseError as error:
                problems.append(Problem(node.name, field, error.message, error.hint))
                continue
            if field == "undo" and facts.target.plan is not None:
                told = f"{facts.target.action} is a pipeline, which undoes nothing."
                problems.append(Problem(node.name, field, told, "Name an action."))
            yield (node.name, field), facts


def _build(
    draft: NodeDraft, needs: tuple[str, ...], known: ActionFacts, undo: ActionFacts | None
) -> Node:
    target = known.target
    timeout_s = draft.timeout_s if draft.timeout_s is not None else known.timeout_s
    if target.plan is not None:  # whoever conducts it keeps its time
        target = replace(target, plan=replace(target.plan, timeout_s=timeout_s))
        timeout_s = None
    return Node(
        name=draft.name,
        target=target,
        inputs=draft.inputs or {},
        merges=draft.inputs is None,
        needs=needs,
        when=draft.when,
        over=draft.over,
        limit=draft.limit,
        resources=draft.resources or known.resources,
        retry=draft.retry or known.retry,
        timeout_s=timeout_s,
        cache=draft.cache,
        undo=undo.target if undo is not None else None,
    )


def _stop_at(draft: PipelineDraft, problems: list[Problem]) -> None:
    if problems:
        raise build_error(draft.name, problems)

"""A graph of actions as data: what crosses from a door to the process that executes it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heapify, heappop, heappush

from synapse_core.model.conditions import Condition, parse_condition
from synapse_core.model.references import INDEX, ITEM, PARAMS, Reference, find_references
from synapse_core.model.run import Resources, RetryPolicy
from synapse_core.types import JSONObject, JSONValue

__all__ = [
    "RESERVED_NODE_NAMES",
    "FailurePolicy",
    "Node",
    "Plan",
    "Target",
    "explain_bad_node_name",
    "find_cycle",
    "first_action",
    "free_node_name",
    "in_order",
    "node_key",
    "rollback_key",
]

RESERVED_NODE_NAMES = frozenset({PARAMS, ITEM, INDEX, "latest"})
"""Words that mean something else where a node's name may stand."""

_NODE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")


class FailurePolicy(StrEnum):
    """What becomes of the other nodes when one has failed."""

    FAIL_FAST = "fail_fast"
    """Nothing begins any more, and what runs is stopped."""
    CONTINUE = "continue"
    """What does not need the failed node goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a node executes.

    Attributes:
        plugin: Code of the plugin; empty for an action of this process that belongs to none.
        plugin_version: Its version.
        plugin_path: Absolute path of its folder.
        action: Name of the action.
        entrypoint: `module:attribute`.
        code: Digest of the plugin's source.
        accepts: Names of the params it takes; None for any.
        env: Variables of the plugin.
        plan: The graph, when it is a pipeline instead of an action.
    """

    action: str
    plugin: str = ""
    plugin_version: str = ""
    plugin_path: str = ""
    entrypoint: str = ""
    code: str = ""
    accepts: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    plan: "Plan | None" = None

    def undo_params(self, params: JSONObject, result: JSONValue) -> JSONObject:
        """Return what it is given to undo an execution: of its params and result what it takes."""
        fields = result if isinstance(result, dict) else {}
        given = {**params, **fields}
        return {k: v for k, v in given.items() if self.accepts is None or k in self.accepts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One action, or pipeline, in a graph.

    Attributes:
        name: Unique within the graph.
        target: What it executes.
        inputs: Its params, with references to what is known only later.
        merges: Whether it is also given, where it takes a param of that name, the params of the
            pipeline and the fields of the results on the way to it.
        needs: Nodes that must have ended before it begins, in order.
        when: It runs if all of these hold, and is skipped otherwise.
        over: Template of a list; the node is executed for each `item` of it.
        limit: How many of these executions are made at once.
        resources: What one execution may use.
        retry: How a failed one is repeated.
        timeout_s: Seconds an attempt may take; None for no limit.
        cache: Whether an earlier result of the same code and inputs will do.
        undo: What undoes it when the pipeline fails later.
    """

    name: str
    target: Target
    inputs: JSONObject = field(default_factory=dict[str, JSONValue])
    merges: bool = False
    needs: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    over: JSONValue = None
    limit: int = 4
    resources: Resources = Resources()
    retry: RetryPolicy = RetryPolicy()
    timeout_s: float | None = None
    cache: bool = False
    undo: Target | None = None

    def conditions(self) -> tuple[Condition, ...]:
        """Return the conditions under which it runs."""
        return tuple(parse_condition(text) for text in self.when)

    def data_references(self) -> tuple[Reference, ...]:
        """Return what its params and its list are made of."""
        return (*find_references(self.inputs), *find_references(self.over))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A graph that can be executed.

    Attributes:
        name: Name of the pipeline.
        plugin: Code of the plugin that it belongs to; may be empty.
        plugin_path: Absolute path of that plugin's folder.
        plugin_version: Version of that plugin.
        description: What it does, in a sentence.
        nodes: Each behind those that it needs.
        defaults: Params that need not be given.
        output: Template of the result; None for the results of the nodes that no other needs.
        on_failure: What becomes of the other nodes when one fails.
        max_parallel: How many actions run at once.
        timeout_s: Seconds the whole may take; None for no limit.
        executor: Name of the executor that places the nodes.
    """

    name: str
    nodes: tuple[Node, ...]
    plugin: str = ""
    plugin_path: str = ""
    plugin_version: str = ""
    description: str = ""
    defaults: JSONObject = field(default_factory=dict[str, JSONValue])
    output: JSONValue = None
    on_failure: FailurePolicy = FailurePolicy.FAIL_FAST
    max_parallel: int = 4
    timeout_s: float | None = None
    executor: str = "process"


def first_action(target: Target) -> Target:
    """Return what a target executes first, where it is a pipeline."""
    while target.plan is not None:
        target = target.plan.nodes[0].target
    return target


def node_key(name: str, index: int | None = None) -> str:
    """Return what an execution of a node goes by within its pipeline run."""
    return name if index is None else f"{name}[{index}]"


def rollback_key(key: str) -> str:
    """Return what the execution that undoes another goes by; no node can have such a name."""
    return f"{key}:undo"


def explain_bad_node_name(name: str) -> str:
    """Return why no node can have this name; empty when one can."""
    if name in RESERVED_NODE_NAMES:
        return f"`{name}` means something else in a pipeline"
    if not _NODE_NAME.fullmatch(name):
        return "allowed are letters, digits, `_` and `-`, a letter or `_` first"
    return ""


def free_node_name(wanted: str, taken: Iterable[str]) -> str:
    """Return a name for a node that no other has, and that means nothing else."""
    plain = wanted.replace(".", "_")
    free, number, others = plain, 2, set(taken)
    while free in others or (free == plain and explain_bad_node_name(free)):
        free, number = f"{plain}-{number}", number + 1
    return free


def in_order(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names such that each stands behind those it needs, else in their own order.

    Names in a circle, and those that need one of them, are left out.
    """
    position = {name: number for number, name in enumerate(needs)}
    waits = {name: len(set(needed)) for name, needed in needs.items()}
    followers: dict[str, list[str]] = {name: [] for name in needs}
    for name, needed in needs.items():
        for other in set(needed):
            followers[other].append(name)
    ready = [position[name] for name, count in waits.items() if count == 0]
    heapify(ready)
    names, ordered = list(needs), list[str]()
    while ready:
        name = names[heappop(ready)]
        ordered.append(name)
        for follower in followers[name]:
            waits[follower] -= 1
            if waits[follower] == 0:
                heappush(ready, position[follower])
    return ordered


def find_cycle(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names of one circle, the first again at its end; empty when there is none."""
    settled = set(in_order(needs))
    left = {
        name: [other for other in needed if other not in settled]
        for name, needed in needs.items()
        if name not in settled
    }
    seen: list[str] = []
    name = _first(left)
    while name is not None and name not in seen:
        seen.append(name)
        # Every one of them needs another of them, else it would have been put in order.
        name = left[name][0]
    return [] if name is None else [*seen[seen.index(name) :], name]


def _first(names: Iterable[str]) -> str | None:
    return next(iter(names), None)

"""Pipelines as they are described to other machines, and back."""

from dataclasses import dataclass, replace
from typing import Any, cast

from synapse_core.model.pipeline import FailurePolicy, Node, Plan, Target
from synapse_core.model.run import RetryPolicy
from synapse_core.operations.reading_documents import reading
from synapse_core.types import JSONObject, JSONValue

__all__ = [
    "PipelineDescription",
    "PipelineListing",
    "description_document",
    "listing_document",
    "parse_description",
    "parse_listing",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineListing:
    """A pipeline that a plugin declares.

    Attributes:
        plugin: Code of the plugin.
        name: Its name.
        description: What it does.
        nodes: Names of its nodes, in the order in which they are written.
    """

    plugin: str
    name: str
    description: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineDescription:
    """A pipeline, checked.

    Attributes:
        plan: Its graph.
        params: JSON schema of what it is given.
    """

    plan: Plan
    params: JSONObject


def listing_document(listing: PipelineListing) -> JSONObject:
    """Return the listing as a document."""
    return {
        "id": f"{listing.plugin}/{listing.name}",
        "plugin": listing.plugin,
        "name": listing.name,
        "description": listing.description,
        "nodes": list[JSONValue](listing.nodes),
    }


def parse_listing(document: JSONObject) -> PipelineListing:
    """Read what `listing_document` returned.

    Raises:
        InvalidInputError: It is none.
    """
    told = cast("dict[str, Any]", document)
    with reading("a pipeline"):
        return PipelineListing(
            plugin=str(told["plugin"]),
            name=str(told["name"]),
            description=str(told["description"]),
            nodes=tuple(map(str, told["nodes"])),
        )


def description_document(described: PipelineDescription) -> JSONObject:
    """Return the description as a document, without paths and variables of this machine."""
    plan = described.plan
    return {
        "id": f"{plan.plugin}/{plan.name}",
        "plugin": plan.plugin,
        "name": plan.name,
        "version": plan.plugin_version,
        "description": plan.description,
        "on_failure": plan.on_failure.value,
        "max_parallel": plan.max_parallel,
        "timeout_s": plan.timeout_s,
        "params": described.params,
        "nodes": [_node_document(node) for node in plan.nodes],
    }


def parse_description(document: JSONObject) -> PipelineDescription:
    """Read what `description_document` returned.

    Raises:
        InvalidInputError: It is none.
    """
    told = cast("dict[str, Any]", document)
    with reading("a pipeline"):
        plan = Plan(
            name=str(told["name"]),
            nodes=tuple(map(_parse_node, told["nodes"])),
            plugin=str(told["plugin"]),
            plugin_version=str(told["version"]),
            description=str(told["description"]),
            on_failure=FailurePolicy(told["on_failure"]),
            max_parallel=int(told["max_parallel"]),
            timeout_s=told["timeout_s"],
        )
        return PipelineDescription(plan=plan, params=told["params"])


def _node_document(node: Node) -> JSONObject:
    inner = node.target.plan
    return {
        "name": node.name,
        "action": _target_name(node.target),
        "needs": list[JSONValue](node.needs),
        "inputs": node.inputs,
        "when": list[JSONValue](node.when),
        "map": node.over,
        "retries": node.retry.retries,
        "timeout_s": node.timeout_s,
        "cache": node.cache,
        "merges": node.merges,
        "undo": None if node.undo is None else _target_name(node.undo),
        "nodes": None if inner is None else [_node_document(one) for one in inner.nodes],
    }


def _target_name(target: Target) -> str:
    return f"{target.plugin}/{target.action}"


def _parse_node(told: Any) -> Node:  # noqa: ANN401 - JSON that was not looked at yet
    target = _parse_target(told["action"])
    nodes, undo = told.get("nodes"), told.get("undo")
    if nodes is not None:
        inner = Plan(name=target.action, plugin=target.plugin, nodes=tuple(map(_parse_node, nodes)))
        target = replace(target, plan=inner)
    return Node(
        name=str(told["name"]),
        target=target,
        inputs=told["inputs"],
        needs=tuple(told["needs"]),
        when=tuple(told["when"]),
        over=told["map"],
        retry=RetryPolicy(int(told["retries"])),
        timeout_s=told["timeout_s"],
        cache=bool(told["cache"]),
        merges=bool(told.get("merges", False)),
        undo=None if undo is None else _parse_target(undo),
    )


def _parse_target(name: Any) -> Target:  # noqa: ANN401 - JSON that was not looked at yet
    plugin, _, action = str(name).rpartition("/")
    return Target(plugin=plugin, action=action)

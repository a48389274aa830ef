"""What a drawing says of a node, in whatever form it is drawn."""

from collections.abc import Mapping
from typing import TypeAlias

from synapse_core.model.pipeline import Node
from synapse_core.model.run import RunStatus

__all__ = ["FILLS", "Statuses", "action_of", "describe", "repetition_of", "ties_of"]

Statuses: TypeAlias = Mapping[str, RunStatus]
"""How the nodes of a run stand, by name; one of a pipeline within it is called `node/inner`."""

FILLS: Mapping[RunStatus, str] = {
    RunStatus.PENDING: "#f6f8fa",
    RunStatus.RUNNING: "#cfe8ff",
    RunStatus.SUCCEEDED: "#d3f2d9",
    RunStatus.FAILED: "#ffd7d5",
    RunStatus.CANCELLED: "#fff1b8",
    RunStatus.SKIPPED: "#eaeaea",
}


def action_of(node: Node) -> str:
    """Return what the node executes."""
    target = node.target
    return f"{target.plugin}/{target.action}" if target.plugin else target.action


def repetition_of(node: Node) -> str:
    """Return what the node is repeated for; empty when it is not."""
    if isinstance(node.over, str):
        return f"for each of {node.over}"
    return "for each of a list" if isinstance(node.over, list) else ""


def ties_of(node: Node) -> list[tuple[str, bool]]:
    """Return what the node needs, each with whether values pass."""
    used = {one.root for one in node.data_references()}
    return [(needed, node.merges or needed in used) for needed in node.needs]


def describe(node: Node, *, with_needs: bool) -> str:
    """Return the node in a line.

    Args:
        node: The node.
        with_needs: Whether it is to be told which nodes it comes after, where these are several.
    """
    needs = node.needs if with_needs and len(node.needs) > 1 else ()
    marks = [
        "a pipeline" if node.target.plan is not None else "",
        repetition_of(node),
        f"when {' and '.join(node.when)}" if node.when else "",
        f"after {', '.join(needs)}" if needs else "",
        "cached" if node.cache else "",
        f"undone by {node.undo.action}" if node.undo is not None else "",
    ]
    told = "; ".join(mark for mark in marks if mark)
    return f"{node.name}  {action_of(node)}{f'  ({told})' if told else ''}"

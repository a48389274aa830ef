"""Draws a graph as text."""

from synapse_core.logs.display import neutralise
from synapse_core.model.pipeline import Node, Plan
from synapse_core.pipelines.display import SIGNS
from synapse_core.pipelines.drawing.labels import Statuses, describe

__all__ = ["draw_text"]

_WITHIN = "┊ "


def draw_text(plan: Plan, statuses: Statuses | None = None) -> str:
    """Return the graph as an indented tree; a node stands below the last of those it needs.

    The nodes of a pipeline that is a node stand right below it, behind a dotted line.

    Args:
        plan: The graph.
        statuses: How the nodes of a run stand; a sign before each tells it.
    """
    return "".join(f"{neutralise(line)}\n" for line in _lines(plan, statuses, ""))


def _lines(plan: Plan, statuses: Statuses | None, within: str) -> list[str]:
    position = {node.name: number for number, node in enumerate(plan.nodes)}
    below: dict[str, list[Node]] = {node.name: [] for node in plan.nodes}
    roots: list[Node] = []
    for node in plan.nodes:
        if node.needs:
            below[max(node.needs, key=position.__getitem__)].append(node)
        else:
            roots.append(node)
    lines: list[str] = []
    waiting = [(node, "", "") for node in reversed(roots)]
    while waiting:
        node, head, indent = waiting.pop()
        place = f"{within}{node.name}"
        sign = "" if statuses is None or place not in statuses else f"{SIGNS[statuses[place]][0]} "
        lines.append(f"{head}{sign}{describe(node, with_needs=bool(head))}")
        children = below[node.name]
        if node.target.plan is not None:
            edge = f"{indent}{'│  ' if children else '   '}{_WITHIN}"
            lines += [edge + line for line in _lines(node.target.plan, statuses, f"{place}/")]
        for number, child in reversed(list(enumerate(children, 1))):
            is_last = number == len(children)
            branch = f"{indent}{'└─ ' if is_last else '├─ '}"
            waiting.append((child, branch, f"{indent}{'   ' if is_last else '│  '}"))
    return lines

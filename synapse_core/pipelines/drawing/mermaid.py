"""Draws a graph for Mermaid."""

from collections.abc import Iterator

from synapse_core.model.pipeline import Node, Plan
from synapse_core.pipelines.drawing.labels import (
    FILLS,
    Statuses,
    action_of,
    repetition_of,
    ties_of,
)

__all__ = ["draw_mermaid"]


def draw_mermaid(plan: Plan, statuses: Statuses | None = None) -> str:
    """Return the graph as a Mermaid flowchart; dotted ties pass on no values.

    A pipeline that is a node is a subgraph.

    Args:
        plan: The graph.
        statuses: How the nodes of a run stand; they are coloured by it.
    """
    lines = ["flowchart LR", *_lines(plan, statuses or {}, "n", "", "  ")]
    return "\n".join(lines) + "\n"


def _lines(plan: Plan, statuses: Statuses, prefix: str, within: str, indent: str) -> Iterator[str]:
    ids = {node.name: f"{prefix}{number}" for number, node in enumerate(plan.nodes)}
    for node in plan.nodes:
        name, place = ids[node.name], f"{within}{node.name}"
        if node.target.plan is None:
            opening, closing = ("[[", "]]") if node.over is not None else ("[", "]")
            yield f'{indent}{name}{opening}"{_label(node)}"{closing}'
        else:
            yield f'{indent}subgraph {name}["{_label(node)}"]'
            yield from _lines(node.target.plan, statuses, f"{name}_", f"{place}/", f"{indent}  ")
            yield f"{indent}end"
        if place in statuses:
            yield f"{indent}style {name} fill:{FILLS[statuses[place]]}"
    for node in plan.nodes:
        condition = f'|"{_quoted(" and ".join(node.when))}"|' if node.when else ""
        for needed, passes_values in ties_of(node):
            arrow = "-->" if passes_values else "-.->"
            yield f"{indent}{ids[needed]} {arrow}{condition} {ids[node.name]}"


def _label(node: Node) -> str:
    """Return what stands in a box; its form tells the repetition of an action."""
    label = f"{node.name}<br/>{action_of(node)}"
    if node.target.plan is not None and node.over is not None:
        label += f"<br/>{repetition_of(node)}"
    return _quoted(label)


def _quoted(text: str) -> str:
    return text.replace('"', "#quot;").replace("\n", " ")

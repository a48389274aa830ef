"""Draws the graph of a plan: as text, for Mermaid, and as SVG."""

from collections.abc import Mapping, Sequence
from html import escape

from synapse_core.logs.display import neutralise
from synapse_core.model.pipeline import Node, Plan
from synapse_core.model.run import RunStatus

__all__ = ["draw_mermaid", "draw_svg", "draw_text"]

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 168, 44, 56, 20, 16
_MOST_CHARS = 24
_FILLS: Mapping[RunStatus, str] = {
    RunStatus.PENDING: "#f6f8fa",
    RunStatus.RUNNING: "#cfe8ff",
    RunStatus.SUCCEEDED: "#d3f2d9",
    RunStatus.FAILED: "#ffd7d5",
    RunStatus.CANCELLED: "#fff1b8",
    RunStatus.SKIPPED: "#eaeaea",
}


def draw_text(plan: Plan) -> str:
    """Return the graph as an indented tree; a node stands below the last of those it needs."""
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
        lines.append(neutralise(f"{head}{_told(node, head)}"))
        children = below[node.name]
        for number, child in reversed(list(enumerate(children, 1))):
            is_last = number == len(children)
            branch = f"{indent}{'└─ ' if is_last else '├─ '}"
            waiting.append((child, branch, f"{indent}{'   ' if is_last else '│  '}"))
    return "\n".join(lines) + "\n"


def draw_mermaid(plan: Plan) -> str:
    """Return the graph as a Mermaid flowchart; dotted ties pass on no values."""
    ids = {node.name: f"n{number}" for number, node in enumerate(plan.nodes)}
    lines = ["flowchart LR"]
    for node in plan.nodes:
        opening, closing = ("[[", "]]") if node.over is not None else ("[", "]")
        label = _quoted(f"{node.name}<br/>{_action(node)}")
        lines.append(f'  {ids[node.name]}{opening}"{label}"{closing}')
    for node in plan.nodes:
        condition = f'|"{_quoted(" and ".join(node.when))}"|' if node.when else ""
        for needed, arrow in _ties(node):
            lines.append(f"  {ids[needed]} {arrow}{condition} {ids[node.name]}")
    return "\n".join(lines) + "\n"


def draw_svg(plan: Plan, statuses: Mapping[str, RunStatus] | None = None) -> str:
    """Return the graph as a picture.

    Args:
        plan: The graph.
        statuses: How the nodes of a run stand, by name; they are coloured by it.
    """
    places = _places(plan)
    columns = 1 + max((column for column, _ in places.values()), default=0)
    rows = 1 + max((row for _, row in places.values()), default=0)
    width = 2 * _MARGIN + columns * _WIDTH + (columns - 1) * _GAP_X
    height = 2 * _MARGIN + rows * _HEIGHT + (rows - 1) * _GAP_Y
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">'
        ),
        f"<title>{escape(plan.name)}</title>",
    ]
    for node in plan.nodes:
        parts += [
            _svg_tie(places[needed], places[node.name], arrow) for needed, arrow in _ties(node)
        ]
    for node in plan.nodes:
        status = (statuses or {}).get(node.name, RunStatus.PENDING)
        parts += _svg_box(node, places[node.name], status)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _told(node: Node, head: str) -> str:
    """Return a node in a line, with what its place in the tree does not tell."""
    needs = node.needs if head and len(node.needs) > 1 else ()
    inner = node.target.plan
    marks = [
        f"a pipeline of {', '.join(one.name for one in inner.nodes)}" if inner is not None else "",
        f"for each of {node.over}" if isinstance(node.over, str) else "",
        "for each of a list" if isinstance(node.over, list) else "",
        f"when {' and '.join(node.when)}" if node.when else "",
        f"after {', '.join(needs)}" if needs else "",
        "cached" if node.cache else "",
        f"undone by {node.undo.action}" if node.undo is not None else "",
    ]
    told = "; ".join(mark for mark in marks if mark)
    return f"{node.name}  {_action(node)}{f'  ({told})' if told else ''}"


def _action(node: Node) -> str:
    target = node.target
    return f"{target.plugin}/{target.action}" if target.plugin else target.action


def _ties(node: Node) -> list[tuple[str, str]]:
    """Return what a node needs, each with the arrow that shows whether values pass."""
    used = {one.root for one in node.data_references()}
    return [(needed, "-->" if node.merges or needed in used else "-.->") for needed in node.needs]


def _places(plan: Plan) -> dict[str, tuple[int, int]]:
    """Return column and row of each node: as far right as it must be, below those before it."""
    columns: dict[str, int] = {}
    filled: dict[int, int] = {}
    places: dict[str, tuple[int, int]] = {}
    for node in plan.nodes:
        column = max((columns[name] + 1 for name in node.needs), default=0)
        columns[node.name] = column
        row = filled.get(column, 0)
        filled[column] = row + 1
        places[node.name] = column, row
    return places


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    column, row = place
    return _MARGIN + column * (_WIDTH + _GAP_X), _MARGIN + row * (_HEIGHT + _GAP_Y)


def _svg_tie(start: tuple[int, int], end: tuple[int, int], arrow: str) -> str:
    (x1, y1), (x2, y2) = _corner(start), _corner(end)
    x1, y1, y2 = x1 + _WIDTH, y1 + _HEIGHT // 2, y2 + _HEIGHT // 2
    bend = max(_GAP_X // 2, (x2 - x1) // 2)
    dashes = ' stroke-dasharray="4 3"' if arrow == "-.->" else ""
    path = f"M{x1},{y1} C{x1 + bend},{y1} {x2 - bend},{y2} {x2},{y2}"
    return f'<path d="{path}" fill="none" stroke="#57606a"{dashes}/>'


def _svg_box(node: Node, place: tuple[int, int], status: RunStatus) -> Sequence[str]:
    x, y = _corner(place)
    middle = x + _WIDTH // 2
    double = f' stroke-width="{3 if node.over is not None else 1}"'
    return (
        (
            f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" '
            f'fill="{_FILLS[status]}" stroke="#57606a"{double}>'
            f"<title>{escape(_told(node, ''))}</title></rect>"
        ),
        f'<text x="{middle}" y="{y + 19}" text-anchor="middle">{escape(_short(node.name))}</text>',
        (
            f'<text x="{middle}" y="{y + 35}" text-anchor="middle" font-size="11" fill="#57606a">'
            f"{escape(_short(_action(node)))}</text>"
        ),
    )


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARS else f"{text[: _MOST_CHARS - 1]}…"


def _quoted(text: str) -> str:
    return text.replace('"', "#quot;").replace("\n", " ")

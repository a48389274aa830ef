"""Draws a graph as SVG."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from synapse_core.model.pipeline import Node, Plan
from synapse_core.model.run import RunStatus
from synapse_core.pipelines.drawing.labels import FILLS, Statuses, action_of, describe, ties_of

__all__ = ["draw_svg"]

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 168, 44, 56, 20, 16
_HEAD = _HEIGHT
"""Of a pipeline that is a node: its name stands above what is in it."""

_MOST_CHARS = 24


@dataclass(frozen=True, slots=True)
class _Box:
    """Where a node is drawn; from the upper left corner of the graph that it belongs to."""

    node: Node
    x: int
    y: int
    width: int
    height: int
    inner: "_Layout | None" = None


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the nodes of a graph are drawn."""

    boxes: tuple[_Box, ...]
    width: int
    height: int


def draw_svg(plan: Plan, statuses: Statuses | None = None) -> str:
    """Return the graph as a picture; a pipeline that is a node is a frame around its own.

    Args:
        plan: The graph.
        statuses: How the nodes of a run stand; they are coloured by it.
    """
    layout = _lay_out(plan)
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">'
        ),
        f"<title>{escape(plan.name)}</title>",
        *_draw(layout, _MARGIN, _MARGIN, statuses or {}, ""),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _lay_out(plan: Plan) -> _Layout:
    """Place each node as far to the right as it must be, below those before it."""
    columns: dict[str, int] = {}
    sized = [_size(node) for node in plan.nodes]
    for node in plan.nodes:
        columns[node.name] = max((columns[name] + 1 for name in node.needs), default=0)
    widths = [0] * (1 + max(columns.values(), default=0))
    for box in sized:
        column = columns[box.node.name]
        widths[column] = max(widths[column], box.width)
    lefts = [sum(widths[:column]) + column * _GAP_X for column in range(len(widths))]
    filled = [0] * len(widths)
    boxes: list[_Box] = []
    for box in sized:
        column = columns[box.node.name]
        place = _Box(
            box.node, lefts[column], filled[column], box.width, box.height, inner=box.inner
        )
        boxes.append(place)
        filled[column] += box.height + _GAP_Y
    return _Layout(tuple(boxes), lefts[-1] + widths[-1], max(filled) - _GAP_Y)


def _size(node: Node) -> _Box:
    if node.target.plan is None:
        return _Box(node, 0, 0, _WIDTH, _HEIGHT)
    inner = _lay_out(node.target.plan)
    return _Box(
        node,
        0,
        0,
        max(_WIDTH, inner.width + 2 * _MARGIN),
        _HEAD + inner.height + _MARGIN,
        inner=inner,
    )


def _draw(layout: _Layout, left: int, top: int, statuses: Statuses, within: str) -> Iterator[str]:
    boxes = {box.node.name: box for box in layout.boxes}
    for box in layout.boxes:
        for needed, passes_values in ties_of(box.node):
            yield _tie(boxes[needed], box, left, top, passes_values=passes_values)
    for box in layout.boxes:
        place = f"{within}{box.node.name}"
        yield from _frame(box, left, top, statuses.get(place, RunStatus.PENDING))
        if box.inner is not None:
            x, y = left + box.x + _MARGIN, top + box.y + _HEAD
            yield from _draw(box.inner, x, y, statuses, f"{place}/")


def _tie(start: _Box, end: _Box, left: int, top: int, *, passes_values: bool) -> str:
    x1, x2 = left + start.x + start.width, left + end.x
    y1, y2 = top + start.y + _HEIGHT // 2, top + end.y + _HEIGHT // 2
    bend = max(_GAP_X // 2, (x2 - x1) // 2)
    dashes = "" if passes_values else ' stroke-dasharray="4 3"'
    path = f"M{x1},{y1} C{x1 + bend},{y1} {x2 - bend},{y2} {x2},{y2}"
    return f'<path d="{path}" fill="none" stroke="#57606a"{dashes}/>'


def _frame(box: _Box, left: int, top: int, status: RunStatus) -> Iterator[str]:
    x, y = left + box.x, top + box.y
    middle = x + box.width // 2
    thick = f' stroke-width="{3 if box.node.over is not None else 1}"'
    dim = f' fill-opacity="{1 if box.inner is None else 0.4}"'
    told = escape(describe(box.node, with_needs=False))
    yield (
        f'<rect x="{x}" y="{y}" width="{box.width}" height="{box.height}" rx="6" '
        f'fill="{FILLS[status]}"{dim} stroke="#57606a"{thick}><title>{told}</title></rect>'
    )
    name, action = escape(_short(box.node.name)), escape(_short(action_of(box.node)))
    yield f'<text x="{middle}" y="{y + 19}" text-anchor="middle">{name}</text>'
    yield (
        f'<text x="{middle}" y="{y + 35}" text-anchor="middle" font-size="11" fill="#57606a">'
        f"{action}</text>"
    )


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARS else f"{text[: _MOST_CHARS - 1]}…"

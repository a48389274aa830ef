"""How graphs are drawn: as text, for Mermaid, and as SVG; pipelines in them, too."""

import xml.etree.ElementTree as ET

from synapse_core.model.pipeline import Node, Plan, Target
from synapse_core.model.run import RunStatus
from synapse_core.operations.pipelines.documents import (
    PipelineDescription,
    description_document,
    parse_description,
)
from synapse_core.pipelines.drawing.mermaid import draw_mermaid
from synapse_core.pipelines.drawing.svg import draw_svg
from synapse_core.pipelines.drawing.text import draw_text

PLAN = Plan(
    name="p<&",
    nodes=(
        Node(name="split", target=Target(plugin="w", action="split")),
        Node(
            name="each",
            target=Target(plugin="w", action="square"),
            needs=("split",),
            over="${split.numbers}",
            inputs={"number": "${item}"},
        ),
        Node(
            name="last",
            target=Target(plugin="w", action="total"),
            needs=("each", "split"),
            inputs={"numbers": "${each}"},
            when=('${split.name} == "x"',),
        ),
    ),
)


def test_text_shows_a_tree_and_what_it_cannot_show() -> None:
    assert draw_text(PLAN) == (
        "split  w/split\n"
        "└─ each  w/square  (for each of ${split.numbers})\n"
        '   └─ last  w/total  (when ${split.name} == "x"; after each, split)\n'
    )


def test_mermaid_tells_values_from_mere_order() -> None:
    drawn = draw_mermaid(PLAN)

    assert 'n1[["each<br/>w/square"]]' in drawn
    assert "n0 --> n1" in drawn
    assert 'n0 -.->|"${split.name} == #quot;x#quot;"| n2' in drawn


def test_svg_is_a_picture_with_each_node_once() -> None:
    root = ET.fromstring(draw_svg(PLAN, {"split": RunStatus.FAILED}))  # noqa: S314 - we drew it

    space = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{space}title") == "p<&"
    assert len(root.findall(f"{space}rect")) == 3
    assert len(root.findall(f"{space}path")) == 3
    assert root.findall(f"{space}rect")[0].get("fill") == "#ffd7d5"


INNER = Plan(
    name="part",
    nodes=(
        Node(name="cut", target=Target(plugin="w", action="cut")),
        Node(
            name="sew",
            target=Target(plugin="w", action="sew", plan=PLAN),
            needs=("cut",),
            merges=True,
            over=[1, 2],
        ),
    ),
)
NESTED = Plan(
    name="whole",
    nodes=(
        Node(
            name="part",
            target=Target(plugin="w", action="part", plan=INNER),
            undo=Target(plugin="w", action="unpart"),
        ),
        Node(name="end", target=Target(plugin="w", action="end"), needs=("part",)),
    ),
)
STOOD = {"part": RunStatus.RUNNING, "part/cut": RunStatus.SUCCEEDED, "part/sew": RunStatus.FAILED}


def test_text_shows_pipelines_behind_a_line_of_their_own() -> None:
    assert draw_text(NESTED) == (
        "part  w/part  (a pipeline; undone by unpart)\n"
        "│  ┊ cut  w/cut\n"
        "│  ┊ └─ sew  w/sew  (a pipeline; for each of a list)\n"
        "│  ┊       ┊ split  w/split\n"
        "│  ┊       ┊ └─ each  w/square  (for each of ${split.numbers})\n"
        '│  ┊       ┊    └─ last  w/total  (when ${split.name} == "x"; after each, split)\n'
        "└─ end  w/end\n"
    )
    signed = draw_text(NESTED, STOOD).splitlines()
    assert signed[0].startswith("▶ part")
    assert signed[1].startswith("│  ┊ ✔ cut")
    assert signed[-1] == "└─ end  w/end"


def test_mermaid_has_a_subgraph_for_each_pipeline() -> None:
    lines = draw_mermaid(NESTED, STOOD).splitlines()

    assert lines[1] == '  subgraph n0["part<br/>w/part"]'
    assert '    subgraph n0_1["sew<br/>w/sew<br/>for each of a list"]' in lines
    assert '      n0_1_1[["each<br/>w/square"]]' in lines
    assert "    n0_0 --> n0_1" in lines
    assert "  n0 -.-> n1" in lines
    assert "    style n0_1 fill:#ffd7d5" in lines
    assert sum(line.strip() == "end" for line in lines) == 2


def test_svg_frames_what_is_in_a_pipeline_and_lets_nothing_overlap() -> None:
    root = ET.fromstring(draw_svg(NESTED, STOOD))  # noqa: S314 - we drew it

    boxes = {
        one[0].text: [int(one.attrib[name]) for name in ("x", "y", "width", "height")]
        for one in root.iter("{http://www.w3.org/2000/svg}rect")
    }
    found = {(told or "").split()[0]: box for told, box in boxes.items()}
    assert set(found) == {"part", "cut", "sew", "split", "each", "last", "end"}
    assert is_in(found["cut"], found["part"])
    assert is_in(found["last"], found["sew"])
    assert is_in(found["sew"], found["part"])
    assert is_in(found["part"], [0, 0, int(root.attrib["width"]), int(root.attrib["height"])])
    assert found["end"][0] > found["part"][0] + found["part"][2]
    assert found["sew"][0] > found["cut"][0] + found["cut"][2]


def is_in(inner: list[int], outer: list[int]) -> bool:
    x, y, width, height = outer
    is_beside = x < inner[0] and inner[0] + inner[2] < x + width
    return is_beside and y < inner[1] and inner[1] + inner[3] < y + height


def test_a_graph_that_comes_from_a_service_is_drawn_the_same() -> None:
    document = description_document(PipelineDescription(plan=NESTED, params={}))

    heard = parse_description(document).plan

    for draw in (draw_text, draw_mermaid, draw_svg):
        assert draw(heard, STOOD) == draw(NESTED, STOOD)

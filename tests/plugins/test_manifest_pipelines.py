"""What is wrong with pipelines in a `config.yaml`, and where."""

from pathlib import Path
from typing import Any, cast

import pytest

from synapse_core.errors import ManifestError
from synapse_core.plugins.parsing import parse_manifest

HEAD = """\
name: x
code: x
actions: {train: }
pipelines:
  p:
"""


def faults(text: str) -> list[tuple[str, int, int, str]]:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(HEAD + text, Path("/plugins/x"))
    found = cast("list[dict[str, Any]]", caught.value.data["diagnostics"])
    assert all(fault["fix"] for fault in found)
    return [(one["key"], one["line"], one["column"], one["message"]) for one in found]


def test_a_reference_to_no_node_is_told_where_it_stands() -> None:
    (only,) = faults(
        "    nodes:\n"
        "      a: {action: train}\n"
        "      b:\n"
        "        action: other/train\n"
        "        inputs:\n"
        "          path: ${aa.path}\n"
    )

    assert only == ("pipelines.p.nodes.b.inputs.path", 11, 11, "There is no node 'aa'.")


@pytest.mark.parametrize(
    ("text", "key", "line", "told"),
    [
        ("    nodes: {a: {action: train, after: b}}", "nodes.a.after", 6, "no node 'b'"),
        ("    nodes: {latest: {action: train}}", "nodes.latest", 6, "`latest` means something"),
        ("    nodes: {a: {action: a b}}", "nodes.a.action", 6, "names no action"),
        ("    nodes: {a: {action: t, when: x > 1}}", "nodes.a.when", 6, "asks for no value"),
        ("    nodes: {a: {action: t, when: ['${params.x} =']}}", "nodes.a.when", 6, "no condition"),
        ("    nodes: {a: {action: t, map: '${'}}", "nodes.a.map", 6, "is no reference"),
        (
            "    nodes: {a: {action: t, inputs: {x: '${item}'}}}",
            "nodes.a.inputs.x",
            6,
            "no meaning",
        ),
        ("    nodes: {a: {action: t}}\n    output: ${b}", "output", 7, "no node 'b'"),
        ("    nodes: {a: {action: t}}\n    chain: [t]", "", 5, "both `chain` and `nodes`"),
        ("    description: x", "", 5, "neither"),
        ("    chain: [t]\n  train:\n    chain: [t]", "train", 7, "An action is called 'train'"),
        ("    nodes: {a: {action: t, max_parallel: 0}}", "nodes.a.max_parallel", 6, "greater"),
        ("    nodes: {a: {action: t, input: {}}}", "nodes.a.input", 6, "no key 'input'"),
    ],
)
def test_each_fault_is_told_with_its_place(text: str, key: str, line: int, told: str) -> None:
    (only,) = faults(f"{text}\n")

    whole = "pipelines.train" if key == "train" else f"pipelines.p.{key}".rstrip(".")
    assert (only[0], only[1]) == (whole, line)
    assert told in only[3]


def test_nodes_that_wait_for_one_another_are_named() -> None:
    (only,) = faults("    nodes: {a: {action: t, after: b}, b: {action: t, after: [a]}}\n")

    assert "a needs b needs a" in only[3]

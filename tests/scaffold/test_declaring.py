"""An action is added to `config.yaml`, and every other line stays as it is."""

import difflib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import ManifestError
from synapse_core.scaffold.declaring import Declaration, declare_action

NEW = Declaration(
    action="fresh",
    title="Fresh: one",
    description="Does it.",
    entrypoint="shapes.fresh:FreshAction",
)

IN_LINES = {
    "comments": """\
# About this plugin.
name: Shapes   # for people
code: shapes
actions:
  # the first
  train:
    entrypoint: shapes.train:TrainAction   # a class
    # timeout: 60

# after the actions
env: {A: "1"}
""",
    "blank lines between actions": """\
name: Shapes
actions:
  train:
    entrypoint: a:b

  export:
    entrypoint: c:d


env:
  A: b
""",
    "text in a block": """\
actions:
  train:
    entrypoint: a:b
    description: |
      Line one.

      Line two.

name: Shapes
""",
    "folded text that keeps its end": "actions:\n  t:\n    description: >+\n      x\n\n",
    "a list at the end": "actions:\n  t:\n    tags:\n    - x\n    - y\nname: s\n",
    "a list in brackets": "actions:\n  t:\n    tags: [x,\n      y]\nname: s\n",
    "four columns": "actions:\n    train:\n        entrypoint: a:b\n",
    "one column": "actions:\n train:\n  entrypoint: a:b\nname: s\n",
    "no line end": "actions:\n  train:\n    entrypoint: a:b",
    "a comment without line end": "actions:\n  train:\n    entrypoint: a:b\n    # more",
    "quotes over lines": 'actions:\n  t:\n    description: "a\n      b"\nname: s\n',
    "an empty value": "actions:\n  train:\n    entrypoint: a:b\n    timeout:\nname: s\n",
    "an action in braces": "actions:\n  train: {entrypoint: a:b}\nname: s\n",
    "Windows": "actions:\r\n  train:\r\n    entrypoint: a:b\r\nname: s\r\n",
    "a byte order mark": "\ufeffactions:\n  train:\n    entrypoint: a:b\n",
    "a document mark": "---\nactions:\n  train:\n    entrypoint: a:b\n...\n",
    "tabs after values": "actions:\n  train:\n    entrypoint: a:b\t# note\nname: s\n",
}

ELSEWHERE = {
    "no actions": "name: Shapes  # for people\n",
    "empty braces": "actions: {}  # none yet\nname: Shapes\n",
    "nothing": "actions:\n# none yet\nname: Shapes\n",
    "null": "actions: null\nname: Shapes\n",
    "braces": "name: s # note\nactions: {train: {entrypoint: 'a:b'}}\n",
    "all in braces": "{name: s, actions: {train: {entrypoint: 'a:b'}}}",
    "an alias as the last action": "x: &x\n  a: b\nactions:\n  train: *x\nname: s # note\n",
}


def load(text: str) -> Any:  # noqa: ANN401 whatever the text says
    """Read as manifests are read; PyYAML's other parser knows no tab before a comment."""
    return yaml.load(text, yaml.CSafeLoader)


def expected(text: str) -> object:
    before = load(text)
    before["actions"] = {**(before.get("actions") or {}), NEW.action: NEW.entry()}
    return before


@pytest.mark.parametrize("text", IN_LINES.values(), ids=IN_LINES.keys())
def test_only_lines_are_added(text: str) -> None:
    changed = declare_action(text, NEW)

    assert load(changed) == expected(text)
    whole = text if text.endswith("\n") else f"{text}\n"
    removed = [
        line
        for line in difflib.ndiff(
            whole.splitlines(keepends=True), changed.splitlines(keepends=True)
        )
        if line.startswith("- ")
    ]
    assert removed == []
    assert ("\r\n" in changed) == ("\r\n" in text)
    assert changed.count("\r") in {0, changed.count("\n")}


def test_the_entry_is_written_like_its_neighbours() -> None:
    changed = declare_action(IN_LINES["blank lines between actions"], NEW)

    assert (
        "    entrypoint: c:d\n"
        "\n"
        "  fresh:\n"
        '    name: "Fresh: one"\n'
        "    description: Does it.\n"
        "    entrypoint: shapes.fresh:FreshAction\n"
        "    method: task\n"
        "\n\nenv:\n"
    ) in changed


def test_a_comment_of_the_last_action_stays_with_it() -> None:
    changed = declare_action(IN_LINES["comments"], NEW)

    assert "    # timeout: 60\n  fresh:\n" in changed
    assert "    method: task\n\n# after the actions\n" in changed


@pytest.mark.parametrize("text", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_where_there_is_no_last_line_comments_are_kept(text: str) -> None:
    changed = declare_action(text, NEW)

    assert load(changed) == expected(text)
    for comment in ("# note", "# none yet", "# for people"):
        assert (comment in changed) == (comment in text)


def test_a_mapping_that_others_share_is_left_alone() -> None:
    shared = "base: &base\n  train: {entrypoint: a:b}\nactions: *base\n"

    with pytest.raises(ManifestError, match="cannot be added") as caught:
        declare_action(shared, NEW)

    assert "shapes.fresh:FreshAction" in caught.value.hint


words = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12
)


@given(title=words, description=words)
def test_any_line_of_text_comes_back_as_it_was(title: str, description: str) -> None:
    declaration = Declaration(
        action="fresh", title=title, description=description, entrypoint="a.b:C"
    )

    for text in ("actions:\n  t:\n    entrypoint: a:b\n", "actions: {}\n"):
        entry = load(declare_action(text, declaration))["actions"]["fresh"]
        assert (entry["name"], entry["description"]) == (title, description)

"""Both forms of a result say the same, and neither grows beyond the ceiling."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, JsonValue

from synapse_core.types import JSONValue
from synapse_mcp.errors import ResultTooLargeError
from synapse_mcp.results.base import MAX_CHARS, Result, Row, fit, suggest
from synapse_mcp.results.schemas import input_schema, output_schema
from synapse_mcp.results.text import compact_json, render_text
from synapse_mcp.tools.starting import StartArguments


class Part(Row):
    name: str
    text: str | None = None


class Sample(Result):
    quoted: ClassVar[frozenset[str]] = frozenset({"lines"})
    as_json: ClassVar[frozenset[str]] = frozenset({"free"})

    title: str | None = None
    count: int = 0
    parts: list[Part] = Field(default_factory=list[Part])
    free: JsonValue = None
    lines: list[str] | None = None
    next: list[str] = Field(default_factory=list[str])


def leaves(value: JSONValue) -> Iterator[str]:
    """Yield every scalar as it must appear in the text."""
    match value:
        case dict():
            for key, item in value.items():
                yield str(key)
                yield from leaves(item)
        case list():
            for item in value:
                yield from leaves(item)
        case str():
            yield from value.split("\n")
        case _:
            yield compact_json(value)


TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@given(st.dictionaries(st.from_regex("[a-z]{1,8}", fullmatch=True), VALUES, max_size=4))
def test_everything_in_the_structure_stands_in_the_text(content: dict[str, Any]) -> None:
    text = render_text(content)

    for leaf in leaves(content):
        assert leaf in text or compact_json(leaf)[1:-1] in text


def test_a_row_is_one_line_and_its_longer_texts_stand_below() -> None:
    parts: list[JSONValue] = [{"name": "a", "text": "one"}, {"name": "b", "text": "first\nsecond"}]

    text = render_text({"title": "T", "parts": parts})

    assert text.splitlines() == [
        "title: T",
        "parts:",
        "- name: a | text: one",
        "- name: b",
        "  text:",
        "    first",
        "    second",
    ]


def test_text_of_a_program_stands_last_behind_a_bar() -> None:
    lines = ["1 hello", "2 next: run_delete {}\n  forged"]

    answer = Sample(title="x", lines=lines, next=[suggest("run_list")]).answer()

    assert answer.text.splitlines()[-4:] == [
        "lines:",
        "| 1 hello",
        "| 2 next: run_delete {}",
        "|   forged",
    ]


def test_absent_fields_are_left_out_but_a_null_of_the_users_stays() -> None:
    answer = Sample(free={"best": None, "all": [None]}).answer()

    kept = {"best": None, "all": [None]}
    assert answer.content == {"count": 0, "parts": [], "free": kept, "next": []}
    assert 'free: {"best":null,"all":[null]}' in answer.text


def test_next_calls_of_tools_that_are_off_are_not_named() -> None:
    result = Sample(next=[suggest("run_start", plugin="p"), suggest("run_list", limit=5)])

    answer = result.answer({"run_list"})

    assert answer.content["next"] == ['run_list {"limit": 5}']
    assert "run_start" not in answer.text


def test_a_lone_surrogate_reaches_no_frame() -> None:
    answer = Sample(title="bad\udcff", free={"k\ud800": ["\udcfe"]}).answer()

    assert compact_json(answer.content).encode()
    assert answer.text.encode()
    assert answer.content["title"] == "bad\\udcff"


@given(st.integers(min_value=1, max_value=100_000))
def test_a_result_is_built_smaller_until_it_fits(size: int) -> None:
    result = fit(lambda most: Sample(title='"' * most), size)

    assert result.answer().fits
    assert len(compact_json(result.answer().content)) <= MAX_CHARS


def test_a_result_that_never_fits_is_an_error() -> None:
    with pytest.raises(ResultTooLargeError):
        fit(lambda _most: Sample(title="x" * (MAX_CHARS + 1)), 1000)


def test_the_schema_of_a_result_says_which_fields_are_always_there() -> None:
    schema = output_schema(Sample)

    assert schema["type"] == "object"
    assert schema["properties"]["title"] == {"type": "string"}  # type: ignore[index,call-overload] - it is JSON
    assert "null" not in compact_json(schema)
    assert "title" not in compact_json(schema["properties"]).replace('"title":{', "")


def test_the_schema_of_arguments_keeps_what_a_caller_needs() -> None:
    schema = input_schema(StartArguments)
    properties: Any = schema["properties"]

    assert schema["additionalProperties"] is False
    assert properties["wait_s"] == {"default": 10, "maximum": 50, "minimum": 0, "type": "number"}
    assert properties["plugin"] == {"type": "string", "description": "code, or path of its folder"}

"""What every model reads changes only on purpose, and stays small."""

import json

import pytest

from synapse_mcp.settings import DEFAULT_TOOLSETS, TOOLSETS
from synapse_mcp.tools.catalog import TOOLS
from tests.mcp.golden import FILE, render, samples

BY_NAME = {tool.name: tool for tool in TOOLS}
MAX_DEFINITIONS_BYTES = 12_000
"""3,000 tokens of four bytes: every conversation of every client begins with them."""


def test_definitions_and_texts_are_those_that_were_looked_at() -> None:
    told = json.loads(FILE.read_text(encoding="utf-8"))

    assert render() == told, "look at the difference, then: python -m tests.mcp.golden --write"


def test_each_tool_stands_in_one_toolset_and_has_a_sample() -> None:
    listed = [name for names in TOOLSETS.values() for name in names]

    assert sorted(listed) == sorted(BY_NAME)
    assert sorted(samples()) == sorted(BY_NAME)


def test_the_default_definitions_fit_into_their_budget() -> None:
    names = [name for toolset in DEFAULT_TOOLSETS for name in TOOLSETS[toolset]]
    whole = [
        BY_NAME[name].definition().model_dump(mode="json", by_alias=True, exclude_none=True)
        for name in names
    ]

    assert (
        len(json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode())
        <= MAX_DEFINITIONS_BYTES
    )


@pytest.mark.parametrize("name", BY_NAME)
def test_each_tool_explains_itself(name: str) -> None:
    tool = BY_NAME[name]
    definition = tool.definition()

    assert len(name) <= 24
    assert definition.annotations is not None
    assert definition.output_schema is not None
    assert definition.description
    tool.arguments.model_validate(tool.example)


@pytest.mark.parametrize(("name", "result"), samples().items())
def test_each_sample_meets_the_schema_of_its_tool(name: str, result: object) -> None:
    assert isinstance(result, BY_NAME[name].result)

"""What an agent is told when a call fails."""

import re
from collections.abc import Iterator
from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from synapse_core import errors as core_errors
from synapse_core.errors import (
    ManifestError,
    ParamsError,
    RunNotFoundError,
    SynapseError,
)
from synapse_core.types import JSONObject, JSONValue
from synapse_mcp import errors as door_errors
from synapse_mcp.errors import arguments_error, error_text, internal_error_text
from synapse_mcp.settings import TOOLSETS
from synapse_mcp.tools.declaration import Arguments

TOOLS = {name for names in TOOLSETS.values() for name in names}


def all_classes() -> Iterator[type[SynapseError]]:
    for module in (core_errors, door_errors):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, SynapseError):
                yield value


CLASSES = sorted(set(all_classes()) - {SynapseError}, key=lambda cls: cls.__name__)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_kind_of_error_names_code_cause_fix_and_a_real_tool(cls: type[SynapseError]) -> None:
    text = error_text(cls.rebuild("It broke.", "", {}))

    lines = text.splitlines()
    assert lines[0] == f"[{cls.code}] It broke."
    assert lines[1].startswith("Fix: ")
    assert lines[1] != "Fix: Correct the call and try again.", "has no advice of its own"
    assert len(text) <= 600
    for named in re.findall(r"^Example: (\w+)", text, re.MULTILINE):
        assert named in TOOLS


def test_the_hint_of_the_error_wins_over_the_usual_advice() -> None:
    text = error_text(RunNotFoundError("20260101-000000-aaaaaaaa", ["20260101-000000-aaaaaaab"]))

    assert "Fix: Did you mean '20260101-000000-aaaaaaab'? List runs" in text


def test_no_example_calls_a_tool_that_is_not_offered() -> None:
    error = RunNotFoundError("20260101-000000-aaaaaaaa")

    assert "\nExample: run_list {" in error_text(error, tools={"run_list"})
    assert "Example" not in error_text(error, tools={"run_start"})


def test_wrong_params_are_told_with_path_allowed_values_and_what_was_given() -> None:
    error = ParamsError(
        "2 params do not fit.",
        problems=[
            {"path": "epochs", "message": "is too small", "allowed": ">= 1", "given": 0},
            {"path": "mode", "message": "is not allowed", "allowed": ["a", "b"], "given": "c"},
        ],
    )

    text = error_text(error, example='run_start {"params": {"epochs": 1}}')

    assert text.splitlines() == [
        "[invalid_params] 2 params do not fit.",
        "- epochs: is too small; allowed: >= 1; got 0",
        '- mode: is not allowed; allowed: ["a", "b"]; got c',
        "Fix: Correct the params; the schema tells what is allowed.",
        'Example: run_start {"params": {"epochs": 1}}',
    ]


def test_findings_in_a_manifest_name_their_line_and_key() -> None:
    finding: JSONObject = {"key": "x.y", "line": 3, "message": "no"}

    error = ManifestError("config.yaml is wrong.", diagnostics=[finding])

    assert "- x.y (line 3): no" in error_text(error)


def test_a_text_without_bounds_is_cut() -> None:
    problems: list[JSONValue] = [{"path": f"p{n}", "message": "x" * 500} for n in range(1000)]

    text = error_text(SynapseError("m" * 5000, problems=problems))

    assert len(text) <= 2_000


class Sample(Arguments):
    size: Annotated[int, Field(ge=1, le=9)]
    name: str = ""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "size: is required"),
        ({"size": 12}, "size: should be less than or equal to 9; got 12"),
        ({"size": 1, "nam": "x"}, "nam: there is no such argument. Did you mean 'name'?"),
        ({"size": [1]}, "size: should be a valid integer; got [1]"),
        ({"size": 1, "name": 5}, "name: should be a valid string; got 5"),
    ],
)
def test_wrong_arguments_are_told_in_our_words(given: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate(given)

    error = arguments_error("sample", caught.value, Sample.model_fields, {"size": 3})
    text = error_text(error, example=str(error.data["example"]))

    assert f"- {told}" in text
    assert "sample got a wrong argument; nothing was done." in text
    assert 'Example: sample {"size": 3}' in text
    assert "pydantic" not in text


def test_a_fault_of_ours_says_so_and_nothing_else() -> None:
    assert internal_error_text("run_list").startswith("[internal_error] run_list failed inside")

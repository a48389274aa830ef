"""The door lets through what the action would take, and says what is wrong with the rest."""

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import (
    AnyUrl,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    SecretStr,
    StringConstraints,
    ValidationError,
)

from synapse_core.actions.json_schema import params_json_schema
from synapse_core.operations.param_problems import correct, find_problems
from synapse_core.types import JSONObject, JSONValue


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    loud: bool


class Node(BaseModel):
    value: int = 0
    below: "Node | None" = None


class Numbers(RootModel[list[int]]):
    pass


class Everything(BaseModel):
    integer: int = Field(default=1, ge=0, le=100)
    step: int = Field(default=5, multiple_of=5)
    real: float = Field(default=0.5, gt=0, lt=10)
    maybe: float | None = None
    flag: bool = False
    text: str = Field(default="abc", min_length=1, max_length=5)
    pattern: str = Field(default="a1", pattern=r"^[a-z]\d$")
    trimmed: Annotated[str, StringConstraints(strip_whitespace=True, max_length=3)] = "x"
    choice: Literal["a", "b", 3] = "a"
    colour: Colour = Colour.RED
    level: Level = Level.LOW
    money: Decimal = Decimal(1)
    when: datetime | None = None
    day: date | None = None
    hour: time | None = None
    span: timedelta = timedelta(1)
    where: Path = Path()
    uid: UUID | None = None
    link: AnyUrl | None = None
    raw: bytes = b""
    items: list[int] = Field(default=[], max_length=3)
    several: set[int] = Field(default=set(), max_length=3)
    frozen: frozenset[str] = frozenset()
    pair: tuple[int, str] = (1, "a")
    many: tuple[int, ...] = ()
    table: dict[str, int] = {}
    nested: dict[str, list[Node]] = {}
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    pets: list[Cat | Dog] = []
    tree: Node = Node()
    numbers: Numbers = Numbers([])
    either: int | str | None = None
    anything: Any = None


SCHEMA = params_json_schema(Everything)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 105)
    | st.floats(allow_nan=False, allow_infinity=False, width=16)
    | st.sampled_from(["5", "5.0", "-1", "1e3", "true", "no", "red", "a", "a1", "cat", "NaN"])
    | st.sampled_from(["P1D", "2026-01-01", "2026-01-01T10:00:00Z", "10:00", "http://x.y"])
    | st.sampled_from(["abcdefgh", "12345678-1234-5678-1234-567812345678"])
    | st.sampled_from(["", " 5 ", "  x  "])
    | st.text(max_size=4)
)
KEYS = st.sampled_from(["kind", "lives", "loud", "value", "below", "x"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
PARAMS = st.dictionaries(st.sampled_from([*Everything.model_fields, "unknown"]), VALUES, max_size=4)


def is_taken(params: JSONObject) -> bool:
    try:
        Everything.model_validate(params, extra="forbid")
    except ValidationError:
        return False
    return True


@given(PARAMS)
@settings(deadline=None, max_examples=300)
@example({"level": "2", "several": [1, 1, 1, 1], "trimmed": "  abc  ", "when": 5})
@example({"pet": {"kind": "dog", "loud": "yes"}, "numbers": ["1"], "pair": ["1", "b"]})
def test_what_the_action_takes_passes(params: JSONObject) -> None:
    problems = find_problems(SCHEMA, params)

    assert not (problems and is_taken(params)), problems


@given(PARAMS)
@settings(deadline=None, max_examples=300)
def test_what_passes_is_taken_or_says_less_in_its_schema_than_in_its_model(
    params: JSONObject,
) -> None:
    # What JSON schema cannot say: sizes of sets, text cut before it is measured, kinds of text.
    loose = {"several", "frozen", "trimmed", "where", "link", "raw", "level", "choice", "money"}

    if not find_problems(SCHEMA, params) and not loose & set(params):
        assert is_taken(params)


@given(PARAMS)
@settings(deadline=None)
def test_what_is_wrong_is_told_as_json_and_its_correction_is_right(params: JSONObject) -> None:
    problems = find_problems(SCHEMA, params)
    corrected = correct(SCHEMA, params, {"integer": 1})

    json.dumps([problems, corrected], allow_nan=False)
    assert all(problem["message"] for problem in problems)
    assert find_problems(SCHEMA, corrected) == []


@pytest.mark.parametrize(
    ("params", "path", "words", "allowed"),
    [
        ({"integer": 101}, "integer", "less than or equal to 100", "integer, >= 0, <= 100"),
        ({"integer": "many"}, "integer", "valid integer", "integer, >= 0, <= 100"),
        ({"integer": 1.5}, "integer", "valid integer", "integer, >= 0, <= 100"),
        ({"step": 7}, "step", "multiple of 5", "integer, a multiple of 5"),
        ({"real": 0}, "real", "greater than 0", "number, > 0, < 10"),
        ({"maybe": "x"}, "maybe", "valid number", "number"),
        ({"flag": 5}, "flag", "valid boolean", "boolean"),
        ({"text": ""}, "text", "at least 1 character", "string, at least 1 long, at most 5 long"),
        ({"pattern": "11"}, "pattern", "match pattern", r"string, matching ^[a-z]\d$"),
        ({"choice": "c"}, "choice", "'a', 'b' or 3", 'one of "a", "b", 3'),
        ({"colour": "green"}, "colour", "'red' or 'blue'", 'one of "red", "blue"'),
        ({"level": 3}, "level", "1 or 2", "one of 1, 2"),
        ({"when": "noon"}, "when", "valid datetime", "string, in the form date-time"),
        ({"items": [1, "x", 3]}, "items.1", "valid integer", "integer"),
        ({"items": [1, 2, 3, 4]}, "items", "at most 3 items", "array, at most 3 items"),
        ({"pair": [1]}, "pair.1", "is required", None),
        ({"table": {"a": "x"}}, "table.a", "valid integer", "integer"),
        ({"pet": {"kind": "cow"}}, "pet", "'cat', 'dog'", None),
        ({"pet": {"kind": "dog"}}, "pet.loud", "is required", None),
        ({"tree": {"below": {"value": "x"}}}, "tree.below.value", "integer", "integer"),
        ({"tree": {"vlaue": 1}}, "tree.vlaue", "Did you mean 'value'?", ["value", "below"]),
        ({"integr": 1}, "integr", "Did you mean 'integer'?", list(Everything.model_fields)),
        ({"either": [1]}, "either", "valid integer, or should be a valid string", None),
    ],
)  # fmt: skip
def test_a_problem_says_where_what_and_what_is_allowed(
    params: JSONObject, path: str, words: str, allowed: object
) -> None:
    (problem,) = find_problems(SCHEMA, params)

    assert problem["path"] == path
    assert words in str(problem["message"])
    assert problem.get("allowed") == allowed


class Small(BaseModel):
    name: str
    size: int = 3
    token: SecretStr | None = None


SMALL = params_json_schema(Small)
EXAMPLE: JSONObject = {"name": "x", "size": 3}


@pytest.mark.parametrize(
    ("params", "corrected"),
    [
        ({}, {"name": "x"}),
        ({"nmae": "me"}, {"name": "me"}),
        ({"name": 5, "size": 7}, {"name": "x", "size": 7}),
        ({"name": "me", "size": "x"}, {"name": "me", "size": 3}),
        ({"name": "me", "wild": 1}, {"name": "me"}),
        ({"name": "me", "szie": "x"}, {"name": "x", "size": 3}),
        ({"name": "y" * 5000, "size": "x"}, {"name": "x", "size": 3}),
    ],
)
def test_a_correction_keeps_what_was_right(params: JSONObject, corrected: JSONObject) -> None:
    assert correct(SMALL, params, EXAMPLE) == corrected


def test_a_secret_is_neither_told_nor_repeated() -> None:
    params: JSONObject = {"token": ["hunter2"], "size": "x"}
    told = json.dumps([find_problems(SMALL, params), correct(SMALL, params, EXAMPLE)])

    assert "hunter2" not in told
    assert "token" in told


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("key", ["real", "anything", "table", "unknown"])
def test_a_number_that_json_does_not_know_is_refused(number: float, key: str) -> None:
    (problem,) = find_problems(SCHEMA, {key: [{"a": number}]})

    assert problem["path"] == f"{key}.0.a"
    json.dumps(problem, allow_nan=False)


def test_nesting_without_end_is_refused() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]

    (problem,) = find_problems(SCHEMA, {"anything": value})

    assert "deeper" in str(problem["message"])


def test_params_of_megabytes_are_checked_and_told_in_short() -> None:
    words: list[JSONValue] = ["x" * 100] * 20_000
    wrong: list[JSONValue] = ["z"] * 100_000

    problems = find_problems(SCHEMA, {"anything": words, "text": "y" * 2_000_000, "items": wrong})

    assert problems[0]["path"] == "text"
    assert len(json.dumps(problems)) < 20_000
    assert find_problems(SCHEMA, {"anything": words}) == []


SCHEMAS = """
{}
{"type": "object"}
{"type": "object", "properties": {"a": {"type": "string", "pattern": "(?<=x)y"}}}
{"type": "object", "properties": {"a": {"$ref": "#/$defs/Gone"}}}
{"type": "object", "properties": {"a": {"type": "odd"}, "b": true, "c": {"anyOf": []}}}
{"type": "object", "properties": {"a": {}, "b": {"enum": [[1], {}]}}}
"""


@pytest.mark.parametrize("schema", SCHEMAS.strip().splitlines())
def test_a_schema_that_somebody_wrote_never_keeps_a_run_from_starting(schema: str) -> None:
    assert find_problems(json.loads(schema), {"a": "xy"}) == []


def test_a_pattern_that_only_python_knows_leaves_the_rest_checked() -> None:
    schema: JSONObject = {
        "type": "object",
        "properties": {"a": {"type": "string", "pattern": "(?<=x)y", "maxLength": 2}},
    }

    assert [problem["path"] for problem in find_problems(schema, {"a": "xyz"})] == ["a"]


def test_a_model_that_takes_more_keys_is_taken_by_its_word() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        size: int = 1

    schema = params_json_schema(Open)

    assert find_problems(schema, {"size": "1", "more": [1]}) == []
    assert find_problems(schema, {"size": "x", "more": [1]}) != []

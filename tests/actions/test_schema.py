"""What an action tells of its params: schema, form and an example that works."""

import ipaddress
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AnyUrl,
    BaseModel,
    ConfigDict,
    DirectoryPath,
    Field,
    SecretStr,
    create_model,
    model_validator,
)

from synapse_core import BaseAction, action
from synapse_core.actions.endless import find_endless
from synapse_core.actions.example import build_example
from synapse_core.actions.params import parse_params
from synapse_core.actions.patterns import text_matching
from synapse_core.actions.schema import describe_schema
from synapse_core.errors import ActionDefinitionError
from synapse_core.types import JSONObject


class Colour(Enum):
    RED = "red"
    DARK_BLUE = "dark_blue"


class Inner(BaseModel):
    name: str
    weight: float = 1.0


class Params(BaseModel):
    folder: Path = Field(description="Where the images are", examples=["/data/images"])
    epochs: int = Field(default=3, ge=1, le=10, title="Passes")
    rate: float = Field(default=0.1, gt=0, multiple_of=0.05)
    colour: Colour = Colour.RED
    colours: list[Colour] = []
    inner: Inner
    names: list[str] = Field(default=["a"], max_length=5)
    verbose: bool = False
    token: SecretStr | None = None
    day: date | None = None
    notes: str = Field(default="", max_length=1000)
    extra: dict[str, int] = {}
    kind: Literal["x"] = "x"
    shade: str = Field(default="#fff", json_schema_extra={"formkit": "color"})
    level: int = Field(default=1, json_schema_extra={"formkit": {"$formkit": "range", "max": 9}})


class Result(BaseModel):
    done: int


class Act(BaseAction[Params]):
    result_model = Result

    def execute(self) -> Result:
        return Result(done=1)


def nodes() -> dict[str, JSONObject]:
    found: Any = describe_schema(Act).form
    return {node["name"]: node for node in found}


def test_the_schema_is_that_of_the_model_and_rules_out_unknown_keys() -> None:
    schema: Any = describe_schema(Act)

    assert schema.params["properties"]["epochs"]["maximum"] == 10
    assert schema.params["required"] == ["folder", "inner"]
    assert schema.params["additionalProperties"] is False
    assert schema.params["$defs"]["Inner"]["additionalProperties"] is False
    assert schema.result["properties"]["done"] == {"title": "Done", "type": "integer"}
    assert "formkit" not in str(schema.params)


def test_an_action_without_a_result_model_has_no_schema_of_its_result() -> None:
    @action
    def act() -> None: ...

    schema = describe_schema(act)

    assert schema.result is None
    assert (schema.form, schema.example) == ([], {})


def test_a_model_that_takes_unknown_keys_says_so_in_its_schema() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")

    @action(params=Open)
    def act(params: Open) -> None: ...

    assert describe_schema(act).params["additionalProperties"] is True


def test_a_form_asks_for_each_param_in_order() -> None:
    form = nodes()

    assert list(form) == list(Params.model_fields)
    assert form["folder"] == {
        "$formkit": "text",
        "name": "folder",
        "label": "Folder",
        "placeholder": "/data/images",
        "help": "Where the images are",
        "required": True,
    }
    assert form["epochs"] == {
        "$formkit": "number",
        "name": "epochs",
        "label": "Passes",
        "value": 3,
        "number": "integer",
        "step": 1,
        "min": 1,
        "max": 10,
    }
    assert (form["rate"]["number"], form["rate"]["step"], form["rate"]["min"]) == ("float", 0.05, 0)
    assert form["colour"]["$formkit"] == "select"
    assert form["colour"]["options"] == [
        {"label": "red", "value": "red"},
        {"label": "dark blue", "value": "dark_blue"},
    ]
    assert (form["colours"]["$formkit"], form["colours"]["multiple"]) == ("select", True)
    assert form["verbose"]["$formkit"] == "checkbox"
    assert form["token"]["$formkit"] == "password"
    assert form["day"]["$formkit"] == "date"
    assert (form["notes"]["$formkit"], form["extra"]["$formkit"]) == ("textarea", "textarea")
    assert form["kind"]["options"] == [{"label": "x", "value": "x"}]


def test_a_form_asks_for_what_is_inside_params() -> None:
    form: Any = nodes()

    assert form["inner"]["$formkit"] == "group"
    assert [node["name"] for node in form["inner"]["children"]] == ["name", "weight"]
    assert form["names"]["$formkit"] == "list"
    assert form["names"]["children"] == [{"$formkit": "text"}]


def test_the_author_decides_how_a_param_is_asked_for() -> None:
    form = nodes()

    assert form["shade"]["$formkit"] == "color"
    assert (form["level"]["$formkit"], form["level"]["max"], form["level"]["number"]) == (
        "range",
        9,
        "integer",
    )


def test_defaults_and_the_authors_examples_make_the_example() -> None:
    example = describe_schema(Act).example

    assert example["folder"] == "/data/images"
    assert (example["epochs"], example["names"], example["inner"]) == (3, ["a"], {"name": "text"})
    assert "token" not in example


class Tree(BaseModel):
    value: int
    children: list["Tree"] = []


class Chain(BaseModel):
    next: "Chain | None"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=9)


class Dog(BaseModel):
    kind: Literal["dog"]


@pytest.mark.parametrize(
    "annotation",
    [
        int,
        Annotated[int, Field(ge=5)],
        Annotated[int, Field(gt=5, lt=7)],
        Annotated[int, Field(le=-5)],
        Annotated[int, Field(ge=10, le=20, multiple_of=7)],
        Annotated[float, Field(gt=0, lt=0.1)],
        Annotated[float, Field(lt=0)],
        Annotated[float, Field(ge=0.5, le=0.5)],
        Annotated[Decimal, Field(ge=1, max_digits=5)],
        str,
        Annotated[str, Field(min_length=12, max_length=14)],
        Annotated[str, Field(max_length=2)],
        Annotated[str, Field(pattern=r"^(sgd|adam)$")],
        Annotated[str, Field(pattern=r"^[A-Z]{3}-\d{4}(/[^/]+)?$")],
        Annotated[str, Field(pattern=r"^\w+@\w+\.(com|org)$")],
        Annotated[str, Field(pattern=r"^v\d+\.\d+$", min_length=9)],
        bool,
        Colour,
        Literal[3, "x"],
        list[int],
        Annotated[list[int], Field(min_length=3)],
        Annotated[set[int], Field(min_length=3)],
        Annotated[set[Colour], Field(min_length=2)],
        Annotated[set[str], Field(min_length=2)],
        tuple[int, str],
        tuple[int, ...],
        dict[str, int],
        dict[str, list[Inner]],
        Inner,
        list[Inner],
        Inner | None,
        int | str,
        Tree,
        Chain,
        Cat | Dog,
        Annotated[Cat | Dog, Field(discriminator="kind")],
        Path,
        DirectoryPath,
        AnyUrl,
        uuid.UUID,
        date,
        datetime,
        time,
        timedelta,
        SecretStr,
        bytes,
        ipaddress.IPv4Address,
        ipaddress.IPv6Address,
        Any,
        Annotated[str, Field(examples=["given"])],
    ],
    ids=str,
)
def test_the_example_of_any_type_works(annotation: Any) -> None:  # noqa: ANN401 - any type
    model = create_model("Model", value=(annotation, ...), more=(int, 1))

    example = build_example(model)

    assert set(example) == {"value", "more"}
    parse_params(model, example)


def test_the_example_leaves_out_what_a_validator_does_not_want_together() -> None:
    class Either(BaseModel):
        path: str = "a"
        url: str = "b"

        @model_validator(mode="after")
        def _only_one(self) -> "Either":
            if {"path", "url"} <= self.model_fields_set:
                raise ValueError("one of both")
            return self

    assert build_example(Either) == {}


def test_a_validator_that_breaks_does_no_harm() -> None:
    class Broken(BaseModel):
        path: str

        @model_validator(mode="after")
        def _break(self) -> "Broken":
            raise RuntimeError("no")

    assert build_example(Broken) == {"path": "text"}


def test_a_default_that_json_cannot_say_is_left_out_without_a_warning() -> None:
    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        size: int = 1
        value: Any = object()

    assert build_example(Odd) == {"size": 1}


def test_a_type_that_json_cannot_say_is_told() -> None:
    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        call: Callable[[], int]

    class Uses(BaseAction[Odd]):
        def execute(self) -> None: ...

    with pytest.raises(
        ActionDefinitionError, match=r"params model Odd cannot be described as JSON"
    ):
        describe_schema(Uses)


numbers = st.integers(-(10**6), 10**6)


@settings(max_examples=80, deadline=None)
@given(
    numbers, numbers, st.none() | st.integers(1, 50), st.sampled_from([int, float]), st.booleans()
)
def test_the_example_of_a_number_lies_within_its_bounds(
    one: int, other: int, step: int | None, kind: type, is_open: object
) -> None:
    lowest, highest = min(one, other), max(one, other) + 2
    if step is not None:
        highest = max(highest, lowest + 2 * step)
    bounds: Mapping[str, Any] = (
        {"gt": lowest, "lt": highest} if is_open else {"ge": lowest, "le": highest}
    )
    field = Field(**bounds, multiple_of=step)
    annotated: Any = Annotated[kind, field]
    model = create_model("Model", value=(annotated, ...))

    parse_params(model, build_example(model))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                r"\d",
                r"\w",
                r"\s",
                "[a-c]",
                "[^/]",
                "(x|y)",
                "(?:ab)",
                ".",
                r"\.",
                r"[\d_]",
                "[^a-z]",
            ]
        ).flatmap(
            lambda atom: st.sampled_from(["", "?", "*", "+", "{2}", "{1,3}", "+?"]).map(
                atom.__add__
            )
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 12),
)
def test_a_text_is_found_for_usual_patterns(atoms: list[str], least: int) -> None:
    pattern = f"^{''.join(atoms)}$"

    text = text_matching(pattern, min_length=least)

    if text is None:  # no repeat makes it long enough
        assert least > 0
    else:
        assert re.fullmatch(pattern, text)
        assert len(text) >= least


@pytest.mark.parametrize(
    "pattern", ["(?=a)a", "(a)\\1", "(", "[^\\s\\S]", "a" * 3 + "{99999999999}"]
)
def test_a_pattern_that_is_too_much_is_given_up(pattern: str) -> None:
    text_matching(pattern, min_length=3)


class Endless(BaseModel):
    next: "Endless"


class Ending(BaseModel):
    leaves: "list[Ending]"
    best: "Ending | None" = None


class Ring(BaseModel):
    pair: "tuple[Endless, int]"


class Choice(BaseModel):
    either: "Endless | Ending"


class EndlessAction(BaseAction[Endless]):
    def execute(self) -> int:
        return 1


@pytest.mark.parametrize(("model", "endless"), [(Endless, ["next"]), (Ring, ["pair"])])
def test_params_that_hold_themselves_are_endless(
    model: type[BaseModel], endless: list[str]
) -> None:
    assert find_endless(model.model_json_schema()) == endless


@pytest.mark.parametrize("model", [Ending, Choice, Params])
def test_params_that_come_to_an_end_somewhere_are_not_endless(model: type[BaseModel]) -> None:
    assert find_endless(model.model_json_schema()) == []


def test_an_action_whose_params_nobody_can_give_is_refused() -> None:
    with pytest.raises(ActionDefinitionError, match="next holds itself without end"):
        describe_schema(EndlessAction)

"""Params: what is taken, and what a caller is told otherwise."""

import json
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from synapse_core.actions.params import parse_params
from synapse_core.errors import ParamsError


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Optimizer(BaseModel):
    name: Literal["sgd", "adam"] = "sgd"
    rate: float = Field(default=0.1, gt=0, le=1)


class Train(BaseModel):
    data: Path
    epochs: int = Field(default=3, ge=1, le=10)
    optimizer: Optimizer = Optimizer()
    layers: list[int] = [1]
    colour: Colour = Colour.RED


def refuse(model: type[BaseModel], params: object) -> ParamsError:
    given: Any = params
    with pytest.raises(ParamsError) as caught:
        parse_params(model, given)
    return caught.value


def problems_of(error: ParamsError) -> dict[str, dict[str, Any]]:
    problems: Any = error.data["problems"]
    return {problem["path"]: problem for problem in problems}


def test_json_becomes_the_model() -> None:
    params = parse_params(Train, {"data": "a.csv", "layers": [1, 2], "colour": "blue"})

    assert params == Train(data=Path("a.csv"), layers=[1, 2], colour=Colour.BLUE)


def test_a_ready_instance_is_taken_as_it_is() -> None:
    ready = Train(data=Path("x"))

    assert parse_params(Train, ready) is ready


def test_no_params_are_an_empty_object() -> None:
    assert parse_params(Optimizer, None) == Optimizer()


def test_each_problem_has_its_path_what_is_allowed_and_what_was_given() -> None:
    error = refuse(
        Train,
        {
            "epochs": 99,
            "optimizer": {"name": "lion", "rate": 0},
            "layers": [1, "x"],
            "colour": "green",
        },
    )

    problems = problems_of(error)
    assert problems["data"] == {"path": "data", "message": "is required"}
    assert (problems["epochs"]["allowed"], problems["epochs"]["given"]) == ("<= 10", 99)
    assert problems["optimizer.name"]["allowed"] == "'sgd' or 'adam'"
    assert problems["optimizer.rate"]["allowed"] == "> 0.0"
    assert problems["layers.1"]["given"] == "x"
    assert problems["colour"]["allowed"] == "'red' or 'blue'"
    assert error.message.startswith("6 params do not fit: data, epochs, optimizer.name, …")


def test_a_misspelt_key_is_an_error_and_the_known_one_is_named() -> None:
    problem = problems_of(refuse(Train, {"data": "a", "epoch": 2}))["epoch"]

    assert problem["message"] == "there is no such param. Did you mean 'epochs'?"
    assert problem["allowed"] == ["colour", "data", "epochs", "layers", "optimizer"]


def test_a_misspelt_key_inside_is_an_error_too() -> None:
    problems = problems_of(refuse(Train, {"data": "a", "optimizer": {"rat": 1}}))

    assert problems["optimizer.rat"]["message"] == "does not exist"


def test_a_model_that_says_what_becomes_of_unknown_keys_is_taken_by_its_word() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        a: int = 1

    class Careless(BaseModel):
        model_config = ConfigDict(extra="ignore")
        inner: Optimizer = Optimizer()

    class Outer(BaseModel):
        inner: Open = Open()

    assert parse_params(Open, {"b": 2}).model_extra == {"b": 2}
    assert parse_params(Careless, {"b": 2, "inner": {"c": 1}}) == Careless()
    assert parse_params(Outer, {"inner": {"b": 2}}).inner.model_extra == {"b": 2}
    assert "iner" in problems_of(refuse(Outer, {"iner": {}}))


def test_aliases_are_the_names_that_a_caller_uses() -> None:
    class Aliased(BaseModel):
        from_: int = Field(alias="from")

    class Both(BaseModel):
        model_config = ConfigDict(populate_by_name=True)
        from_: int = Field(default=1, alias="from")

    assert parse_params(Aliased, {"from": 2}).from_ == 2
    assert parse_params(Both, {"from_": 3}).from_ == 3
    assert set(problems_of(refuse(Aliased, {"from_": 2}))) == {"from", "from_"}


def test_the_members_of_a_union_are_told_at_one_place() -> None:
    class Either(BaseModel):
        value: int | list[int] | Literal["auto"]

    problems = problems_of(refuse(Either, {"value": "x"}))

    assert list(problems) == ["value"]
    assert problems["value"]["message"].count(", or ") == 2


def test_a_strict_model_takes_from_json_what_json_can_say() -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        day: date
        folder: Path

    assert parse_params(Strict, {"day": "2026-01-31", "folder": "/a"}).day == date(2026, 1, 31)
    assert "day" in problems_of(refuse(Strict, {"day": 3, "folder": "/a"}))


def test_what_a_validator_says_is_passed_on() -> None:
    class Checked(BaseModel):
        size: int = 1

        @field_validator("size")
        @classmethod
        def _odd(cls, value: int) -> int:
            if value % 2 == 0:
                raise ValueError("must be odd")
            return value

        @model_validator(mode="after")
        def _never_seven(self) -> "Checked":
            if self.size == 7:
                raise AssertionError("seven is not liked")
            return self

    assert problems_of(refuse(Checked, {"size": 2}))["size"]["message"] == "must be odd"
    assert problems_of(refuse(Checked, {"size": 7}))[""]["message"] == "seven is not liked"


def test_a_secret_is_never_shown() -> None:
    class Login(BaseModel):
        password: SecretStr = Field(min_length=20)
        tokens: list[SecretStr] = []
        retries: int = 1

        @model_validator(mode="after")
        def _never_nine(self) -> "Login":
            assert self.retries != 9, "nine is too much"
            return self

    for params in (
        {"password": "hunter2"},
        {"password": "hunter2" * 9, "retries": "x"},
        {"password": "hunter2" * 9, "retries": 9},
        {"password": "hunter2" * 9, "tokens": ["hunter2", 5]},
    ):
        error = refuse(Login, params)
        assert "hunter2" not in json.dumps(error.data) + str(error)


@pytest.mark.parametrize("params", [[1], "text", 3, [("a", 1)]])
def test_what_is_no_object_is_refused(params: object) -> None:
    assert refuse(Optimizer, params).code == "invalid_params"


@pytest.mark.parametrize(
    ("params", "example"),
    [
        ({"data": "a", "epochs": 99}, {"data": "a", "epochs": 3}),
        ({"dat": "mine.csv"}, {"data": "mine.csv"}),
        ({"epochs": 4}, {"data": "path/to/file", "epochs": 4}),
        ({"data": "a", "zzz": 1}, {"data": "a"}),
        (
            {"data": "a", "optimizer": {"rat": 1}},
            {"data": "a", "optimizer": {"name": "sgd", "rate": 0.1}},
        ),
    ],
)
def test_the_example_keeps_what_was_right_and_corrects_the_rest(
    params: dict[str, object], example: dict[str, object]
) -> None:
    assert refuse(Train, params).data["example"] == example


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["data", "epochs", "optimizer", "layers", "colour", "dta", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
            max_leaves=5,
        ),
    )
)
def test_the_example_of_an_error_always_works(params: dict[str, Any]) -> None:
    try:
        parse_params(Train, params)
    except ParamsError as error:
        json.dumps(error.data, allow_nan=False)
        example: Any = error.data["example"]
        parse_params(Train, example)


def test_two_megabytes_of_rubbish_are_told_in_few_words() -> None:
    error = refuse(Train, {"data": "a", "epochs": "x" * 2_000_000, "note": "y" * 2_000_000})

    assert len(json.dumps(error.data)) < 3_000
    assert len(str(error)) < 500

"""What an action returns becomes JSON, or an error that says where it does not."""

import dataclasses
import json
import math
import sys
import types
import uuid
from collections import OrderedDict, UserDict, deque
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from synapse_core.actions.results import result_to_json
from synapse_core.errors import ResultError


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Box(BaseModel):
    corner: tuple[int, int] = (0, 0)
    name: str = Field(default="box", serialization_alias="label")


class Anything(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    value: Any = None


@dataclasses.dataclass
class Point:
    x: float
    seen: set[str]


class Pair(NamedTuple):
    a: int
    b: int


class Scalar:
    """As numpy has them."""

    dtype = "float32"

    def __init__(self, value: object) -> None:
        self._value = value

    def tolist(self) -> object:
        return self._value


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
)


@given(json_values)
def test_json_stays_as_it_is(value: Any) -> None:  # noqa: ANN401 - anything that JSON can say
    assert result_to_json(value) == value
    assert json.loads(json.dumps(result_to_json(value), allow_nan=False)) == value


AS_JSON: list[tuple[object, object]] = [
    (Path("/a/b"), "/a/b"),
    (date(2026, 1, 31), "2026-01-31"),
    (datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01-31T12:00:00Z"),
    (timedelta(minutes=1), "PT1M"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Decimal("1.10"), "1.10"),
    (Colour.RED, "red"),
    (Level.HIGH, 3),
    ({Colour.RED: Level.HIGH}, {"red": 3}),
    (
        {2: "a", None: "b", True: "c", Path("x"): "d", 0.5: "e"},
        {"2": "a", "null": "b", "true": "c", "x": "d", "0.5": "e"},
    ),
    ((1, (2,)), [1, [2]]),
    ({3, 1, 2}, [1, 2, 3]),
    (frozenset({"b", "a"}), ["a", "b"]),
    (deque([1, 2]), [1, 2]),
    (Pair(1, 2), [1, 2]),
    (OrderedDict(a=1), {"a": 1}),
    (UserDict(a={1}), {"a": [1]}),
    (Point(1.5, {"b", "a"}), {"x": 1.5, "seen": ["a", "b"]}),
    (Box(), {"corner": [0, 0], "label": "box"}),
    ([Box(name="x")], [{"corner": [0, 0], "label": "x"}]),
    (Anything(value=Path("a")), {"value": "a"}),
    (Anything(value=Scalar([1, 2])), {"value": [1, 2]}),
    (Scalar(2.5), 2.5),
    (Scalar([[1], [math.nan]]), [[1], ["nan"]]),
    (math.inf, "inf"),
    ({"loss": -math.inf}, {"loss": "-inf"}),
    (SecretStr("hunter2"), "**********"),
    ("\ud800", "\\ud800"),
    (2**4000, 2**4000),
]


@pytest.mark.parametrize(("value", "expected"), AS_JSON)
def test_python_becomes_json(value: object, expected: object) -> None:
    made = result_to_json(value)

    assert made == expected
    json.dumps(made, allow_nan=False).encode()


def test_numbers_that_json_lacks_are_read_back_by_pydantic() -> None:
    class Result(BaseModel):
        loss: float

    made: Any = result_to_json(Result(loss=math.inf))

    assert Result.model_validate(made) == Result(loss=math.inf)


circle: list[Any] = []
circle.append({"again": circle})

deep: list[Any] = []
for _ in range(5000):
    deep = [deep]


def count() -> Any:  # noqa: ANN401 - it is a generator
    yield 1


@pytest.mark.parametrize(
    ("value", "place", "told"),
    [
        ({"a": [1, {"b": object()}]}, "a[1].b", "which JSON cannot say"),
        (Anything(value={"x": {"y": sys}}), "value.x.y", "module"),
        ({"data": b"\x00"}, "data", "holds bytes"),
        ({"data": bytearray(2)}, "data", "holds bytes"),
        ([count()], "[0]", "has not run yet"),
        ({"f": len}, "f", "which JSON cannot say"),
        ({"t": int}, "t", "which JSON cannot say"),
        ({"e": ValueError("x")}, "e", "which JSON cannot say"),
        ({(1, 2): 3}, "", "has the key (1, 2)"),
        ({1: "a", "1": "b"}, "", "two keys that are '1'"),
        (circle, "[0].again", "holds itself"),
        (deep, None, "nests deeper than 200"),
        ({"n": 10**5000}, "n", "more than 4,000 digits"),
        (types.SimpleNamespace(a=1), "", "SimpleNamespace"),
    ],
)
def test_what_json_cannot_say_is_named_with_its_place(
    value: object, place: str | None, told: str
) -> None:
    with pytest.raises(ResultError) as caught:
        result_to_json(value)

    error = caught.value
    assert told in error.message
    assert error.hint
    if place is not None:
        assert error.data["path"] == place
        assert f"The result at {place} " in error.message or not place


def test_a_set_is_in_the_same_order_in_every_run() -> None:
    assert result_to_json({"b", 1, None, "a"}) == ["a", "b", 1, None]


def test_a_value_that_stands_twice_is_no_circle() -> None:
    shared = [1]

    assert result_to_json({"a": shared, "b": shared}) == {"a": [1], "b": [1]}


def test_a_repr_that_raises_does_no_harm() -> None:
    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    with pytest.raises(ResultError, match="type Rude"):
        result_to_json({"x": Rude()})

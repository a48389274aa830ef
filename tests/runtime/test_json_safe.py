# ruff: noqa: ANN401 - values of wrong types are what these tests are about

import dataclasses
import json
import math
from collections import OrderedDict, deque
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from synapse_core.runtime.json_safe import json_safe, json_safe_object, safe_repr, well_formed


class Colour(Enum):
    RED = 1


class Word(StrEnum):
    ONE = "one"


class Pair(NamedTuple):
    left: int
    right: Path


@dataclasses.dataclass
class Point:
    x: float
    inner: "Point | None" = None


class Model(BaseModel):
    size: int
    key: SecretStr


class Scalar:
    """As numbers of numpy are: no Python number, but one to be asked for."""

    shape = ()

    def tolist(self) -> float:
        return 2.5


class Array:
    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def tolist(self) -> list[int]:
        return [0] * math.prod(self.shape)


class Evil:
    """Raises wherever it is touched."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    def __str__(self) -> str:
        raise RuntimeError("str")


class EvilMapping(dict[Any, Any]):
    def items(self) -> Any:
        raise KeyError("items")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (3, 3),
        ("text", "text"),
        (0.5, 0.5),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (Path("/a/b"), "/a/b"),
        (datetime(2030, 1, 2, 3, 4, tzinfo=UTC), "2030-01-02T03:04:00+00:00"),
        (date(2030, 1, 2), "2030-01-02"),
        (time(3, 4), "03:04:00"),
        (timedelta(minutes=1), 60.0),
        (Colour.RED, 1),
        (Word.ONE, "one"),
        (Pair(1, Path("x")), [1, "x"]),
        ({"a": {1}}, {"a": [1]}),
        ({1: "a", None: "b", (1, 2): "c"}, {"1": "a", "None": "b", "(1, 2)": "c"}),
        (OrderedDict[str, int]([("a", 1)]), {"a": 1}),
        (frozenset({"x"}), ["x"]),
        (Point(1, Point(2)), {"x": 1, "inner": {"x": 2, "inner": None}}),
        (Point, "test_json_safe.Point"),
        (b"bytes \xff", "bytes \\xff"),
        (bytearray(b"x" * 2000), "<2000 bytes>"),
        (memoryview(b"ab"), "ab"),
        (ValueError("no"), "ValueError: no"),
        (Scalar(), 2.5),
        (Array(2), [0, 0]),
        (Array(1000, 1000), "<Array of shape (1000, 1000)>"),
        (UUID(int=0), "UUID('00000000-0000-0000-0000-000000000000')"),
        (Decimal("1.5"), "Decimal('1.5')"),
        (deque([1]), "deque([1])"),
        ("\udcff", "\\udcff"),
        ({"\udcff": 1}, {"\\udcff": 1}),
    ],
)
def test_each_kind_of_value_has_its_json_form(value: object, plain: object) -> None:
    shown = json_safe(value)

    if isinstance(value, type):
        assert str(shown).endswith(str(plain))
    else:
        assert shown == plain
        assert type(shown) is type(plain)


def test_a_model_shows_its_fields_and_hides_its_secrets() -> None:
    shown = json_safe(Model(size=1, key=SecretStr("hunter2")))

    assert shown == {"size": 1, "key": "SecretStr('**********')"}


def test_hostile_objects_are_told_and_do_no_harm() -> None:
    shown = json_safe({"a": Evil(), "b": EvilMapping(x=1), "c": 1})

    assert isinstance(shown, dict)
    assert shown["c"] == 1
    assert "Evil" in str(shown["a"])
    assert "EvilMapping" in str(shown["b"])


def test_what_holds_itself_ends() -> None:
    circle: list[object] = [1]
    circle.append(circle)

    assert "nested too deep" in json.dumps(json_safe(circle))


def test_a_data_set_is_cut_and_the_rest_counted() -> None:
    listed = json_safe(list(range(50_000)))
    named = json_safe({str(number): number for number in range(50_000)})
    wide = json_safe([[0] * 1000 for _ in range(1000)])

    assert isinstance(listed, list)
    assert listed[-1] == "… 40000 more"
    assert isinstance(named, dict)
    assert named["…"] == "40000 more"
    assert len(json.dumps(wide)) < 100_000


def test_long_texts_and_numbers_are_cut() -> None:
    text = json_safe("x" * 100_000)
    number = json_safe(10**5000)

    assert str(text).endswith("… [34464 more characters]")
    assert str(number).startswith("0x")
    json.loads(json.dumps(number))


def test_any_data_becomes_an_object() -> None:
    assert json_safe_object({"a": 1}) == {"a": 1}
    assert json_safe_object([1]) == {"value": [1]}
    assert json_safe_object(Point(1)) == {"x": 1, "inner": None}


def test_a_repr_that_raises_is_told() -> None:
    assert safe_repr(Evil()) == "<Evil whose repr raised RuntimeError>"


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.datetimes()
    | st.complex_numbers(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers() | st.none(), inner)
        | st.tuples(inner, inner)
    ),
    max_leaves=20,
)


@given(ANYTHING)
def test_everything_becomes_strict_json(value: object) -> None:
    text = json.dumps(json_safe(value), allow_nan=False, ensure_ascii=False)

    text.encode()
    assert json.loads(text) == json_safe(value)


@given(st.text(st.characters(exclude_categories=[])))
def test_well_formed_text_can_be_encoded_and_good_text_is_left_alone(text: str) -> None:
    well = well_formed(text)

    well.encode()
    try:
        text.encode()
    except UnicodeEncodeError:
        assert well != text
    else:
        assert well == text

# ruff: noqa: ANN401 - values of wrong types are what these tests are about

import math
from decimal import Decimal
from typing import Any

import pytest

from synapse_core.errors import InvalidInputError
from synapse_core.runtime.metrics import metric_values


class Scalar:
    def __init__(self, value: object) -> None:
        self.value = value

    def item(self) -> object:
        if isinstance(self.value, list):
            raise ValueError("can only convert an array of size 1")  # noqa: TRY004 - as numpy does
        return self.value


def test_numbers_texts_and_booleans_are_kept() -> None:
    values = {"loss": 0.5, "epoch": 3, "best": True, "phase": "warm-up"}

    assert metric_values(values) == values


def test_numbers_of_other_libraries_become_plain_numbers() -> None:
    values = metric_values(
        {"a": Scalar(0.25), "b": Scalar(7), "c": Scalar(value=True), "d": Decimal("1.5")}
    )

    assert values == {"a": 0.25, "b": 7, "c": True, "d": 1.5}


def test_what_json_cannot_say_is_kept_as_its_name() -> None:
    values = metric_values({"a": math.nan, "b": math.inf, "c": -math.inf, "d": Scalar(math.nan)})

    assert values == {"a": "NaN", "b": "Infinity", "c": "-Infinity", "d": "NaN"}


@pytest.mark.parametrize("value", [None, [1], {"a": 1}, object(), Scalar([1, 2]), b"x"])
def test_anything_else_is_refused_by_its_name(value: object) -> None:
    with pytest.raises(InvalidInputError, match="'val_loss'") as caught:
        metric_values({"loss": 1.0, "val_loss": value})

    assert type(value).__name__ in caught.value.message


@pytest.mark.parametrize("values", [None, 5, [("loss", 1)], "loss"])
def test_metrics_come_by_name(values: Any) -> None:
    with pytest.raises(InvalidInputError, match="no mapping"):
        metric_values(values)


def test_odd_names_become_text() -> None:
    assert metric_values({1: 2, "\udcff": 3}) == {"1": 2, "\\udcff": 3}

# ruff: noqa: ANN401 - values of wrong types are what these tests are about

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import InvalidInputError
from synapse_core.runtime.progress import ProgressMeter
from synapse_core.types import JSONObject


class Hand:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Scalar:
    def __init__(self, value: object) -> None:
        self.value = value

    def item(self) -> object:
        return self.value


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def meter(hand: Hand) -> ProgressMeter:
    return ProgressMeter(hand)


def told(data: JSONObject | None) -> JSONObject:
    assert data is not None
    return data


def test_the_first_report_knows_percent_and_no_rate(meter: ProgressMeter) -> None:
    assert meter.report("train", 50, 200) == {
        "category": "train",
        "current": 50,
        "total": 200,
        "percent": 25.0,
        "rate": None,
        "eta_s": None,
    }


def test_a_steady_pace_gives_rate_and_remaining_time(hand: Hand, meter: ProgressMeter) -> None:
    meter.report("train", 0, 100)
    hand.now += 10

    data = told(meter.report("train", 20, 100))

    assert data["rate"] == 2.0
    assert data["eta_s"] == 40.0


def test_the_remaining_time_follows_a_change_of_pace(hand: Hand, meter: ProgressMeter) -> None:
    current = 0
    for _ in range(600):
        hand.now += 1
        current += 100
        meter.report("train", current, 10**6)
    for _ in range(60):
        hand.now += 1
        current += 1
        meter.report("train", current, 10**6)
    hand.now += 1

    assert told(meter.report("train", current + 1, 10**6))["rate"] == pytest.approx(1.0)


def test_work_that_stands_still_has_no_remaining_time(hand: Hand, meter: ProgressMeter) -> None:
    meter.report("train", 5, 10)
    hand.now += 1

    data = told(meter.report("train", 5, 10))

    assert data["rate"] == 0.0
    assert data["eta_s"] is None


def test_done_work_has_no_time_left(hand: Hand, meter: ProgressMeter) -> None:
    meter.report("train", 0, 10)
    hand.now += 1

    data = told(meter.report("train", 10, 10))

    assert (data["percent"], data["eta_s"]) == (100.0, 0.0)


def test_more_than_all_is_all(meter: ProgressMeter) -> None:
    assert told(meter.report("train", 12, 10))["percent"] == 100.0


def test_what_is_not_done_is_never_shown_as_done(meter: ProgressMeter) -> None:
    assert told(meter.report("train", 999_999, 1_000_000))["percent"] == 99.99


def test_each_category_has_its_own_pace(hand: Hand, meter: ProgressMeter) -> None:
    meter.report("a", 0, 10)
    meter.report("b", 0, 10)
    hand.now += 1
    meter.report("a", 1, 10)

    assert told(meter.report("b", 5, 10))["rate"] == 5.0


def test_work_that_begins_again_is_measured_anew(hand: Hand, meter: ProgressMeter) -> None:
    meter.report("epoch", 0, 10)
    hand.now += 100
    meter.report("epoch", 10, 10)

    data = told(meter.report("epoch", 1, 10))
    hand.now += 1

    assert data["rate"] is None
    assert told(meter.report("epoch", 3, 10))["rate"] == 2.0


def test_a_report_of_little_more_is_held_back_for_a_moment(
    hand: Hand, meter: ProgressMeter
) -> None:
    assert meter.report("train", 1, 1_000_000) is not None
    assert meter.report("train", 2, 1_000_000) is None
    assert meter.holds
    hand.now += 0.051

    assert told(meter.report("train", 3, 1_000_000))["current"] == 3
    assert meter.release() == []


def test_a_report_held_back_is_not_lost(meter: ProgressMeter) -> None:
    meter.report("train", 1, 1_000_000)
    meter.report("train", 2, 1_000_000)
    meter.report("train", 3, 1_000_000)

    assert [data["current"] for data in meter.release()] == [3]
    assert meter.report("train", 3, 1_000_000) is None
    assert not meter.holds
    assert meter.release() == []


def test_a_step_of_one_percent_is_told_at_once(meter: ProgressMeter) -> None:
    told_percents = [told(meter.report("train", turn, 100))["percent"] for turn in range(101)]

    assert told_percents == [float(turn) for turn in range(101)]


def test_another_total_is_told_at_once(meter: ProgressMeter) -> None:
    meter.report("train", 1, 1_000_000)

    assert told(meter.report("train", 1, 2_000_000))["total"] == 2_000_000


def test_reaching_the_total_is_told_at_once(meter: ProgressMeter) -> None:
    assert meter.report("train", 999_998, 1_000_000) is not None
    assert meter.report("train", 999_999, 1_000_000) is None
    assert told(meter.report("train", 1_000_000, 1_000_000))["percent"] == 100.0


def test_a_hot_loop_makes_few_events(meter: ProgressMeter) -> None:
    written = [meter.report("train", turn, 10**6) for turn in range(1, 20_001)]

    assert sum(data is not None for data in written) == 3  # at 0, 1 and 2 percent


@pytest.mark.parametrize(
    ("current", "total", "named"),
    [
        (1, 0, "total is 0"),
        (1, -5, "total is -5"),
        (1, math.nan, "total is nan"),
        (math.nan, 10, "current is nan"),
        (math.inf, 10, "current is inf"),
        (1, math.inf, "total is inf"),
        (-1, 10, "current is -1"),
        ("5", 10, "current is '5'"),
        (1, None, "total is None"),
        (1, 10**400, "total is 1000"),
        (1, Scalar([1, 2]), "total is <"),
        (1, "x" * 100_000, "total is 'xxx"),
    ],
)
def test_a_useless_number_is_refused_by_its_name(
    meter: ProgressMeter, current: Any, total: Any, named: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        meter.report("train", current, total)

    assert named in caught.value.message
    assert caught.value.hint
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("five", [5, 5.0, Scalar(5), Decimal(5), True + 4])
def test_numbers_of_all_kinds_become_plain_ones(meter: ProgressMeter, five: Any) -> None:
    data = told(meter.report("train", five, 10))

    assert data["current"] == 5
    assert type(data["current"]) in {int, float}


NUMBERS = st.one_of(st.integers(0, 10**30), st.floats(0, allow_nan=False, allow_infinity=False))


@given(st.lists(st.tuples(NUMBERS, NUMBERS.filter(bool), st.floats(0, 100)), max_size=20))
def test_whatever_is_reported_the_numbers_stay_sane(
    reports: list[tuple[float, float, float]],
) -> None:
    hand = Hand()
    meter = ProgressMeter(hand)
    last: dict[str, float] = {}
    for current, total, pause in reports:
        hand.now += pause
        last = {"current": current, "total": total}
        check(meter.report("train", current, total))
    for data in meter.release():
        assert last.items() <= data.items()
        check(data)


def check(data: JSONObject | None) -> None:
    if data is None:
        return
    percent, rate, eta_s = data["percent"], data["rate"], data["eta_s"]
    assert isinstance(percent, float)
    assert 0 <= percent <= 100
    assert rate is None or (isinstance(rate, float) and math.isfinite(rate) and rate >= 0)
    assert eta_s is None or (isinstance(eta_s, float) and math.isfinite(eta_s) and eta_s >= 0)

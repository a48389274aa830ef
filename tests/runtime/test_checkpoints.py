# ruff: noqa: ANN401 - values of wrong types are what these tests are about

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.config.home import Home
from synapse_core.errors import InvalidInputError
from synapse_core.model.event import EventKind
from synapse_core.runs.ids import new_run_id
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.reading import Journals
from synapse_core.runtime.checkpoints import exact_json, latest_checkpoints

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_a_state_comes_back_as_it_was(state: dict[str, Any]) -> None:
    assert exact_json(state, "state") == state


def test_the_copy_is_independent() -> None:
    state = {"a": [1, {"b": 2}]}

    copy = exact_json(state, "state")
    state["a"].append(3)

    assert copy == {"a": [1, {"b": 2}]}


@pytest.mark.parametrize(
    ("state", "place"),
    [
        ({"epoch": 1, "weights": {"layer": [object()]}}, "state.weights.layer[0]"),
        ({"loss": math.nan}, "state.loss"),
        ({"a": {1: 2}}, "the key 1 of state.a"),
        ({"a": {1, 2}}, "state.a"),
        ({"a": Path("x")}, "state.a"),
        ({"a": b"x"}, "state.a"),
        ([1], "state"),
        (None, "state"),
    ],
)
def test_what_would_not_come_back_the_same_is_refused_with_its_place(
    state: Any, place: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        exact_json(state, "state")

    assert caught.value.message.startswith(f"{place} is ")
    assert "artifact" in caught.value.hint


def test_a_state_that_holds_itself_is_refused() -> None:
    circle: dict[str, Any] = {}
    circle["again"] = circle

    with pytest.raises(InvalidInputError, match="too deep"):
        exact_json(circle, "state")


def test_the_last_state_of_each_name_is_found_in_the_journal(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_id = new_run_id(1_780_000_000.0)
    home.run_dir(run_id).mkdir(parents=True)
    with JournalWriter.open(home.journal(run_id)) as journal:
        for epoch in range(1500):
            journal.emit(EventKind.LOG, {"level": "info", "message": "x", "source": "action"})
            journal.emit(EventKind.CHECKPOINT, {"name": "train", "state": {"epoch": epoch}})
        journal.emit(EventKind.CHECKPOINT, {"name": "other", "state": {}})

    assert latest_checkpoints(Journals(home), run_id) == {"train": {"epoch": 1499}, "other": {}}

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from synapse_core.model.event import LOG_KINDS, Event, EventKind
from synapse_core.model.run import ArtifactInfo, Progress, RunSummary
from synapse_core.runs.folding import SummaryFold
from synapse_core.types import JSONObject


def fold(*said: tuple[EventKind, JSONObject], start: RunSummary | None = None) -> RunSummary:
    folded = SummaryFold(start or RunSummary())
    for number, (kind, data) in enumerate(said, 1):
        folded.add(Event(number, float(number), kind, data))
    return folded.summary(len(said), 10 * len(said))


def log(level: str, **more: object) -> tuple[EventKind, JSONObject]:
    return EventKind.LOG, {"level": level, "message": "x", **more}  # pyright: ignore[reportReturnType] - any value


def test_lines_are_counted_by_weight() -> None:
    levels = ("debug", "info", "success", "warning", "warning", "error", "critical")
    summary = fold(*(log(level) for level in levels), (EventKind.MESSAGE, {"level": "error"}))

    assert (summary.log_lines, summary.warnings, summary.errors) == (8, 2, 2)


def test_an_error_in_several_parts_is_one_error_and_as_many_lines_as_are_shown() -> None:
    summary = fold(log("error", more=True), log("error", more=True), log("error"))

    assert (summary.log_lines, summary.errors) == (3, 1)


def test_whatever_is_shown_as_a_line_counts_as_one() -> None:
    data: JSONObject = {"status": "running", "level": "info"}

    summary = fold(*((kind, data) for kind in EventKind))

    assert summary.log_lines == len(LOG_KINDS)


def test_the_latest_progress_of_each_category_counts() -> None:
    summary = fold(
        (EventKind.PROGRESS, {"category": "a", "current": 1, "total": 4, "percent": 25.0}),
        (EventKind.PROGRESS, {"category": "b", "current": 1, "total": 2, "percent": 50.0}),
        (
            EventKind.PROGRESS,
            {"category": "a", "current": 2, "total": 4, "percent": 50, "rate": 0.5, "eta_s": 4},
        ),
    )

    assert list(summary.progress) == ["a", "b"]
    assert summary.progress["a"] == Progress("a", 2, 4, 50, rate=0.5, eta_s=4, time=3.0)


def test_metrics_of_a_category_are_kept_by_name() -> None:
    summary = fold(
        (EventKind.METRICS, {"category": "train", "values": {"loss": 2, "lr": 0.1}}),
        (EventKind.METRICS, {"category": "test", "values": {"loss": 9}}),
        (EventKind.METRICS, {"category": "train", "values": {"loss": 1, "note": "NaN"}}),
    )

    assert summary.metrics == {
        "train": {"loss": 1, "lr": 0.1, "note": "NaN"},
        "test": {"loss": 9},
    }


def test_an_artifact_saved_again_replaces_the_earlier_one_in_its_place() -> None:
    first: JSONObject = {
        "name": "a.txt",
        "path": "artifacts/a.txt",
        "size_bytes": 3,
        "sha256": "0" * 64,
        "media_type": "text/plain",
    }
    summary = fold(
        (EventKind.ARTIFACT, first),
        (EventKind.ARTIFACT, {**first, "name": "b.txt"}),
        (EventKind.ARTIFACT, {**first, "size_bytes": 4}),
    )

    assert list(summary.artifacts) == ["a.txt", "b.txt"]
    assert summary.artifacts["a.txt"] == ArtifactInfo(
        "a.txt", "artifacts/a.txt", 4, "0" * 64, "text/plain"
    )


def test_the_latest_transition_of_each_step_and_the_latest_message_count() -> None:
    summary = fold(
        (EventKind.STEP, {"name": "load", "transition": "started"}),
        (EventKind.STEP, {"name": "train", "transition": "started"}),
        (EventKind.STEP, {"name": "load", "transition": "succeeded"}),
        (EventKind.MESSAGE, {"message": "one"}),
        (EventKind.MESSAGE, {"message": "m" * 100_000}),
    )

    assert summary.steps == {"load": "succeeded", "train": "started"}
    assert summary.last_message == "m" * 2000


def test_the_summary_that_was_given_stays_as_it_was() -> None:
    start = fold((EventKind.METRICS, {"category": "c", "values": {"a": 1}}))
    before = dataclasses.asdict(start)
    fold((EventKind.METRICS, {"category": "c", "values": {"a": 2}}), start=start)

    assert dataclasses.asdict(start) == before


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
KEYS = st.sampled_from(
    ["level", "message", "category", "values", "current", "percent", "rate", "name", "size_bytes"]
)


@given(kind=st.sampled_from(EventKind), data=st.dictionaries(KEYS, ANYTHING))
def test_no_event_makes_the_folding_fail(kind: EventKind, data: JSONObject) -> None:
    assert fold((kind, data)).seq == 1

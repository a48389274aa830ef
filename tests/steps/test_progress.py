"""How far an action made of steps has come, and what its steps report."""

from hypothesis import given
from hypothesis import strategies as st

from synapse_core.model.event import EventKind
from synapse_core.steps import StepResult
from synapse_core.steps.progress import StepProgress
from tests.steps.recording import Shared, Step, World


def test_weights_of_finished_steps_and_the_part_of_the_running_one_add_up(world: World) -> None:
    told: list[tuple[int, int]] = []

    def half(context: Shared) -> StepResult:
        context.set_progress(1, 2)
        context.set_progress(5, 10, "files")
        return StepResult()

    world.orchestrator(
        Step("load", weight=0.2),
        Step("look", skip=True, weight=0.2),
        Step("train", half, weight=0.6),
        progress_callback=lambda done, total: told.append((done, total)),
    ).execute()

    assert told == [(20, 100), (40, 100), (70, 100), (100, 100)]


def test_progress_metrics_and_logs_belong_to_the_running_step(world: World) -> None:
    def work(context: Shared) -> StepResult:
        context.set_progress(1, 4)
        context.set_metrics({"loss": 0.5})
        context.set_metrics({"loss": 0.4}, "other")
        context.log("batch", {"n": 1})
        return StepResult()

    world.execute(Step("train", work))

    assert [(told["category"], told["percent"]) for told in world.sink.of(EventKind.PROGRESS)] == [
        ("train", 25.0),
        ("main", 25.0),
        ("main", 100.0),
    ]
    assert [told["category"] for told in world.sink.of(EventKind.METRICS)] == ["train", "other"]
    assert world.sink.of(EventKind.LOG)[0]["fields"] == {"n": 1}


WEIGHTS = st.lists(st.floats(0, 1e6), min_size=1, max_size=20)
SHARES = st.lists(st.floats(0, 1), max_size=5).map(sorted)


@given(WEIGHTS, SHARES)
def test_progress_never_goes_back_and_ends_at_100(
    weights: list[float], shares: list[float]
) -> None:
    told: list[int] = []
    progress = StepProgress(weights, lambda done, _: told.append(done))

    for _ in weights:
        for share in shares:
            progress.advance(share)
        progress.finish_step()

    assert told == sorted(set(told))
    assert told[-1] == 100
    assert all(0 <= done <= 100 for done in told)


@given(WEIGHTS)
def test_100_is_said_of_what_is_done_only(weights: list[float]) -> None:
    told: list[int] = []
    progress = StepProgress([*weights, 1e-9], lambda done, _: told.append(done))

    for _ in weights:
        progress.finish_step()

    assert 100 not in told

"""Steps around steps."""

import pytest

from synapse_core.errors import StepError
from synapse_core.model.event import EventKind
from synapse_core.model.run import RetryPolicy
from synapse_core.steps import (
    BaseStep,
    LoggingStep,
    StepResult,
    TimingStep,
    ValidationStep,
)
from tests.steps.recording import Lasting, Shared, Step, World, fail


class Coroutine(BaseStep[Shared]):
    """Awaits nothing, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    @property
    def name(self) -> str:
        return "coroutine"

    @property
    def progress_weight(self) -> float:
        return 1

    async def execute(self, context: Shared) -> StepResult:
        context.did.append("coroutine")
        if self._error is not None:
            raise self._error
        return StepResult(data={"n": 1})


def structured(world: World) -> list[tuple[str, object]]:
    """Return the structured log lines as event and fields."""
    return [
        (str(data["event"]), data["fields"])
        for data in world.sink.of(EventKind.LOG)
        if "fields" in data
    ]


def test_a_logged_step_logs_its_beginning_and_end(world: World) -> None:
    world.execute(LoggingStep(Step("load")))

    assert world.sink.transitions == ["logged_load started", "logged_load succeeded"]
    (start, started), (end, ended) = structured(world)
    assert (start, started) == ("step_start", {"step": "load"})
    assert isinstance(ended, dict)
    assert (end, ended["step"], ended["success"]) == ("step_end", "load", True)
    assert isinstance(ended["duration_s"], float)


@pytest.mark.parametrize(
    "step", [Lasting("load", fail(ValueError("no"))), Coroutine(ValueError("no"))]
)
def test_a_logged_step_logs_that_it_failed(world: World, step: BaseStep[Shared]) -> None:
    with pytest.raises(StepError):
        world.execute(LoggingStep(step))

    (_, ended) = structured(world)[-1]
    assert isinstance(ended, dict)
    assert (ended["success"], ended["error"]) == (False, "ValueError: no")


def test_a_timed_step_adds_its_duration_to_its_data(world: World) -> None:
    world.execute(TimingStep(Step("load", lambda _: StepResult(data={"n": 1}))))

    data = world.context.step_results[0].data
    assert data["n"] == 1
    assert data["duration_seconds"] >= 0
    assert world.sink.transitions[0] == "timed_load started"


def test_wrappers_nest_and_take_coroutines(world: World) -> None:
    world.execute(LoggingStep(TimingStep(Coroutine())))

    assert world.sink.transitions[0] == "logged_timed_coroutine started"
    assert set(world.context.step_results[0].data) == {"n", "duration_seconds"}
    assert structured(world)[-1][0] == "step_end"


def test_a_wrapped_step_is_skipped_repeated_weighed_and_undone_as_the_one_inside(
    world: World,
) -> None:
    step = TimingStep(Step("load", weight=3, retry=RetryPolicy(1, 0), timeout_s=9))
    assert (step.progress_weight, step.timeout_s, step.can_roll_back) == (3, 9, True)
    assert not TimingStep(Lasting("load")).can_roll_back

    with pytest.raises(StepError):
        world.execute(
            LoggingStep(Step("look", skip=True)),
            step,
            TimingStep(Step("train", fail(ValueError("no")), retry=RetryPolicy(1, 0))),
        )

    assert world.context.did == ["load", "train", "train", "undo train", "undo load"]
    assert "logged_look skipped" in world.sink.transitions


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (True, None),
        ((True, None), None),
        (False, "The context is not valid."),
        ((False, "no images"), "no images"),
    ],
)
def test_a_validation_step_fails_the_action_when_the_context_is_wrong(
    world: World,
    answer: bool | tuple[bool, str | None],  # noqa: FBT001 - what validators return
    error: str | None,
) -> None:
    asked: list[Shared] = []

    def validate(context: Shared) -> bool | tuple[bool, str | None]:
        asked.append(context)
        return answer

    step = ValidationStep(validate, "has_images")
    assert (step.name, step.progress_weight) == ("has_images", 0.05)

    if error is None:
        world.execute(step)
    else:
        with pytest.raises(StepError, match=error):
            world.execute(step)
    assert asked == [world.context]


def test_a_wrapped_step_is_another_one_for_a_resume(world: World) -> None:
    world.execute(TimingStep(Lasting("load")))
    again = world.next_attempt()

    again.execute(TimingStep(Lasting("load")))

    assert again.context.did == []
    assert "duration_seconds" in again.context.step_results[0].data

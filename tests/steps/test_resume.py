"""What an interrupted action goes on with."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from synapse_core.errors import StepError
from synapse_core.model.event import EventKind
from synapse_core.steps import BaseStep, BaseStepContext, Orchestrator, StepRegistry, StepResult
from synapse_core.types import JSONObject
from tests.steps.recording import Lasting, Recorder, Shared, Step, World, fail


class Killed(BaseException):
    """Ends a process in these tests: nothing is undone behind it."""


class Mortal(Recorder):
    """A journal whose process dies right after so many events."""

    def __init__(self, events: int) -> None:
        super().__init__()
        self._left = events

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        if self._left == 0:
            raise Killed
        self._left -= 1
        return super().emit(kind, data)


def interrupted(world: World, *steps: BaseStep[Shared], events: int) -> World:
    """Return the attempt after one that died after so many events."""
    dying = World(world.folder, world.checkpoints, Mortal(events))
    with pytest.raises(Killed):
        dying.execute(*steps)
    return dying.next_attempt()


def three() -> list[BaseStep[Shared]]:
    return [Step("load"), Step("look"), Step("train")]


EVENTS_OF_A_STEP = 4
"""Started, checkpoint, succeeded, progress."""


def test_finished_steps_do_not_run_again(world: World) -> None:
    again = interrupted(world, *three(), events=2 * EVENTS_OF_A_STEP + 1)

    counts = again.execute(*three())

    assert counts["steps_resumed"] == 2
    assert again.context.did == ["train"]
    assert again.context.values == ["load", "look", "train"]
    assert [result.rollback_data["of"] for result in again.context.step_results] == [
        "load",
        "look",
        "train",
    ]
    assert again.sink.transitions == [
        "load resumed",
        "look resumed",
        "train started",
        "train succeeded",
    ]
    assert "Resumed behind step 'look': 2 of 3 steps had finished" in again.sink.lines


@pytest.mark.parametrize("events", range(3 * EVENTS_OF_A_STEP))
def test_wherever_the_process_dies_no_finished_step_runs_twice(world: World, events: int) -> None:
    dying = World(world.folder, sink=Mortal(events))
    with pytest.raises(Killed):
        dying.execute(*three())
    finished = [name.removeprefix("steps/") for name in dying.sink.checkpoints]
    again = dying.next_attempt()

    again.execute(*three())

    assert [*finished, *again.context.did] == ["load", "look", "train"]
    assert again.context.values == ["load", "look", "train"]


@pytest.mark.parametrize("events", range(2 * EVENTS_OF_A_STEP + 4))
def test_an_attempt_that_dies_while_it_resumes_loses_nothing(world: World, events: int) -> None:
    second = interrupted(world, *three(), events=2 * EVENTS_OF_A_STEP)
    second.sink = Mortal(min(events, 7))
    dying = World(second.folder, second.checkpoints, second.sink)
    with pytest.raises(Killed):
        dying.execute(*three())
    third = dying.next_attempt()

    third.execute(*three())

    assert "load" not in third.context.did
    assert "look" not in third.context.did
    assert third.context.values == ["load", "look", "train"]


def test_a_run_of_its_own_keeps_what_it_took_over(world: World) -> None:
    second = interrupted(world, *three(), events=2 * EVENTS_OF_A_STEP)
    dying = World(second.folder, second.checkpoints, Mortal(5))
    with pytest.raises(Killed):
        dying.execute(*three())
    only_its_journal = World(world.folder, dying.sink.checkpoints)

    only_its_journal.execute(*three())

    assert only_its_journal.context.did == ["train"]


def test_steps_of_the_earlier_attempt_are_undone_too(world: World) -> None:
    undone: list[Any] = []
    steps = [
        Step("load", undo=lambda result: undone.append(result.rollback_data)),
        Step("train", fail(ValueError("no"))),
    ]
    again = interrupted(world, *steps, events=EVENTS_OF_A_STEP)

    with pytest.raises(StepError):
        again.execute(*steps)

    assert again.context.did == ["train", "undo train", "undo load"]
    assert undone == [{"of": "load"}]


def test_what_was_undone_runs_again(world: World) -> None:
    with pytest.raises(StepError):
        world.execute(Step("load"), Step("train", fail(ValueError("no"))))
    again = world.next_attempt()

    again.execute(Step("load"), Step("train"))

    assert again.context.did == ["load", "train"]
    assert "'load' was rolled back" in again.sink.lines


def test_steps_that_leave_nothing_to_undo_are_kept_after_a_failure(world: World) -> None:
    with pytest.raises(StepError):
        world.execute(Lasting("load"), Lasting("look"), Lasting("train", fail(ValueError("no"))))
    again = world.next_attempt()

    again.execute(Lasting("load"), Lasting("look"), Lasting("train"))

    assert again.context.did == ["train"]


def test_nothing_behind_an_undone_step_is_kept(world: World) -> None:
    with pytest.raises(StepError):
        world.execute(Step("folder"), Lasting("fill"), Lasting("train", fail(ValueError("no"))))
    again = world.next_attempt()

    again.execute(Step("folder"), Lasting("fill"), Lasting("train"))

    assert again.context.did == ["folder", "fill", "train"]


def test_a_process_that_dies_while_it_undoes_leaves_no_half_undone_step_behind(
    world: World,
) -> None:
    steps = [Step("load"), Step("look"), Step("train", fail(ValueError("no")))]
    # Two steps; started and failed of the third; its own undoing; the mark that look is undone.
    again = interrupted(world, *steps, events=2 * EVENTS_OF_A_STEP + 2 + 2 + 1)

    again.execute(*three())

    assert again.context.did == ["look", "train"]


def test_other_params_run_every_step_again(world: World) -> None:
    world.execute(*three(), params={"epochs": 1})
    again = world.next_attempt()

    again.execute(*three(), params={"epochs": 2})

    assert again.context.did == ["load", "look", "train"]
    assert "'load' ran with other params" in again.sink.lines


def test_a_changed_list_runs_from_the_first_change_on(world: World) -> None:
    world.execute(*three())
    again = world.next_attempt()

    again.execute(Step("load"), Step("new"), Step("look"), Step("train"))

    assert again.context.did == ["new", "look", "train"]
    assert "'new' has not run yet" in again.sink.lines


def test_a_removed_step_runs_those_behind_it_again(world: World) -> None:
    world.execute(*three())
    again = world.next_attempt()

    again.execute(Step("load"), Step("train"))

    assert again.context.did == ["train"]
    assert "'train' ran with other params, or behind other steps" in again.sink.lines


def test_a_step_of_another_class_or_version_runs_again(world: World) -> None:
    world.execute(*three())

    other_class = world.next_attempt()
    other_class.execute(Step("load"), Lasting("look"), Step("train"))
    newer = world.next_attempt()
    changed = Step("train")
    changed.version = "2"
    newer.execute(Step("load"), Step("look"), changed)

    assert other_class.context.did == ["look", "train"]
    assert "'look' is tests.steps.recording:Lasting@ now" in other_class.sink.lines
    assert newer.context.did == ["train"]


def test_skipped_steps_stay_skipped(world: World) -> None:
    steps = [Step("load"), Step("look", skip=True), Step("train")]
    again = interrupted(world, *steps, events=EVENTS_OF_A_STEP + 3)

    again.execute(Step("load"), Step("look", skip=True), Step("train"))

    assert again.context.did == ["train"]
    assert [result.skipped for result in again.context.step_results] == [False, True, False]


def test_a_step_that_was_skipped_before_has_nothing_to_undo(world: World) -> None:
    steps = [Step("load"), Step("look", skip=True), Step("train", fail(ValueError("no")))]
    again = interrupted(world, *steps, events=EVENTS_OF_A_STEP + 3)

    with pytest.raises(StepError):
        again.execute(*steps)

    assert again.context.did == ["train", "undo train", "undo load"]


def test_progress_goes_on_where_it_stood(world: World) -> None:
    again = interrupted(world, *three(), events=2 * EVENTS_OF_A_STEP)

    again.execute(*three())

    told = [data["percent"] for data in again.sink.of(EventKind.PROGRESS)]
    assert told == [33, 66, 100]


def test_what_the_journal_has_altered_is_not_taken_over(world: World) -> None:
    def keep_secret(context: Shared) -> StepResult:
        context.values.append("hunter2")
        return StepResult()

    world.execute(Lasting("load"), Lasting("login", keep_secret), Lasting("train"))
    redacted = {
        name: altered(state, "hunter2", "[redacted]")
        for name, state in world.sink.checkpoints.items()
    }
    again = World(world.folder, redacted)

    again.execute(Lasting("load"), Lasting("login", keep_secret), Lasting("train"))

    assert again.context.did == ["login", "train"]
    assert "'login' left something that a journal does not keep" in again.sink.lines


def altered(value: Any, secret: str, shown: str) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: altered(inner, secret, shown) for key, inner in value.items()}  # type: ignore[misc]  # any JSON
    if isinstance(value, list):
        return [altered(inner, secret, shown) for inner in value]  # type: ignore[misc]  # any JSON
    return shown if value == secret else value


class Model:
    """Something that JSON cannot carry."""


@dataclass
class Rich(BaseStepContext):
    folder: Path | None = None
    seen: set[str] = field(default_factory=set[str])
    model: Any = None


class RichStep(BaseStep[Rich]):
    def __init__(self, name: str, changes: dict[str, Any], *, dies: bool = False) -> None:
        self._name = name
        self._changes = changes
        self._dies = dies

    @property
    def name(self) -> str:
        return self._name

    @property
    def progress_weight(self) -> float:
        return 1

    def execute(self, context: Rich) -> StepResult:
        if self._dies:
            raise KeyboardInterrupt
        vars(context).update(self._changes)
        return StepResult()


def run_rich(world: World, *steps: RichStep) -> tuple[Rich, JSONObject | None]:
    """Return the context, and the counts unless a step died."""
    registry = StepRegistry[Rich]()
    for step in steps:
        registry.register(step)
    context = Rich(world.runtime)
    try:
        return context, Orchestrator(registry, context, params="{}").execute()
    except KeyboardInterrupt:
        return context, None


def test_attributes_come_back_as_their_annotations_say(world: World) -> None:
    load = RichStep("load", {"folder": Path("/data"), "seen": {"a", "b"}})
    run_rich(world, load, RichStep("train", {}, dies=True))

    context, counts = run_rich(world.next_attempt(), load, RichStep("train", {}))

    assert counts is not None
    assert counts["steps_resumed"] == 1
    assert (context.folder, context.seen) == (Path("/data"), {"a", "b"})


@pytest.mark.parametrize("value", [Model(), (1, 2), {1: "a"}, float("nan"), Counter("a")])
def test_a_step_whose_state_cannot_be_saved_runs_again(world: World, value: object) -> None:
    steps = [RichStep("load", {"folder": Path("/data")}), RichStep("build", {"model": value})]
    run_rich(world, *steps, RichStep("train", {}, dies=True))

    context, counts = run_rich(world.next_attempt(), *steps, RichStep("train", {}))

    assert counts is not None
    assert counts["steps_resumed"] == 1
    assert context.model is value
    kind = type(value).__name__
    assert f"After step 'build' the context cannot be saved: model ({kind})" in world.sink.lines


def test_a_later_state_that_is_whole_again_counts(world: World) -> None:
    steps = [RichStep("build", {"model": Model()}), RichStep("drop", {"model": None})]
    run_rich(world, *steps, RichStep("train", {}, dies=True))

    _, counts = run_rich(world.next_attempt(), *steps, RichStep("train", {}))

    assert counts is not None
    assert counts["steps_resumed"] == 2


def test_data_that_json_cannot_carry_end_the_row(world: World) -> None:
    build = Lasting("build", lambda _: StepResult(data={"model": Model()}))
    world.execute(Lasting("load"), build, Lasting("train"))
    again = world.next_attempt()

    again.execute(Lasting("load"), build, Lasting("train"))

    assert again.context.did == ["build", "train"]
    assert "'build' returned data that JSON cannot carry" in again.sink.lines


@dataclass
class Hooked(Shared):
    """Saves and restores itself."""

    model: Model | None = None

    def save_state(self) -> JSONObject:
        return {"has_model": self.model is not None}

    def restore_state(self, state: JSONObject) -> None:
        self.model = Model() if state["has_model"] else None


def test_a_context_may_save_and_restore_itself(world: World) -> None:
    def build(context: Shared) -> StepResult:
        assert isinstance(context, Hooked)
        context.model = Model()
        return StepResult()

    world.context = Hooked(world.runtime)
    world.execute(Lasting("build", build))
    again = world.next_attempt()
    again.context = context = Hooked(again.runtime)

    again.execute(Lasting("build", build))

    assert context.did == []
    assert isinstance(context.model, Model)


class Broken(Hooked):
    """Cannot take over what it saved."""

    def restore_state(self, state: JSONObject) -> None:
        raise KeyError(*state)


def test_a_state_that_does_not_fit_runs_every_step_again(world: World) -> None:
    world.execute(Lasting("load"))
    again = world.next_attempt()
    again.context = Broken(again.runtime)

    again.execute(Lasting("load"))

    assert again.context.did == ["load"]
    assert "the saved state does not fit" in again.sink.lines


def test_a_second_orchestrator_of_an_action_has_records_of_its_own(world: World) -> None:
    world.execute(Step("load"))
    world.execute(Step("load"))
    again = world.next_attempt()

    again.execute(Step("load"))
    again.execute(Step("load"), Step("train"))

    assert world.context.did == ["load", "load"]
    assert again.context.did == ["train"]


def test_without_params_nothing_is_kept(world: World) -> None:
    world.orchestrator(Step("load")).execute()

    assert world.sink.checkpoints == {}


def test_a_huge_state_is_not_written_into_the_journal(world: World) -> None:
    def work(context: Shared) -> StepResult:
        context.values.append("x" * (5 << 20))
        return StepResult()

    world.execute(Lasting("load", work))

    assert "cannot be saved: more than 4 MiB" in world.sink.lines
    assert len(str(world.sink.checkpoints)) < 10_000

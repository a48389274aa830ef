"""Steps run in order, and are undone in reverse."""

import asyncio
import traceback
from pathlib import Path
from typing import cast

import pytest

from synapse_core.errors import RunCancelledError, StepError
from synapse_core.model.event import EventKind
from synapse_core.model.run import RetryPolicy
from synapse_core.steps import BaseStep, StepResult
from synapse_core.types import JSONObject
from tests.steps.recording import Lasting, Recorder, Shared, Step, World, fail


def causes(error: BaseException) -> tuple[BaseException, ...]:
    """Return the errors in the group that is the cause of `error`."""
    group = cast("BaseExceptionGroup[BaseException]", error.__cause__)
    assert isinstance(group, BaseExceptionGroup)
    return group.exceptions


AT_ONCE = RetryPolicy(retries=2, backoff_s=0)


def test_steps_run_in_order_and_tell_each_transition(world: World) -> None:
    counts = world.execute(Step("load"), Step("look", skip=True), Step("train"))

    assert counts == {
        "success": True,
        "steps_executed": 2,
        "steps_skipped": 1,
        "steps_resumed": 0,
        "steps_total": 3,
    }
    assert world.context.did == ["load", "train"]
    assert world.sink.transitions == [
        "load started",
        "load succeeded",
        "look skipped",
        "train started",
        "train succeeded",
    ]
    last = world.sink.of(EventKind.STEP)[-1]
    assert (last["attempt"], last["number"], last["total"], last["error"]) == (1, 3, 3, None)
    assert isinstance(last["duration_s"], float)


def test_the_results_are_there_for_later_steps(world: World) -> None:
    seen: list[str] = []

    def look(context: Shared) -> StepResult:
        seen.extend(str(result.data) for result in context.step_results)
        return StepResult(data={"n": 2})

    world.execute(Step("first", lambda _: StepResult(data={"n": 1})), Step("second", look))

    assert seen == ["{'n': 1}"]
    assert [result.data for result in world.context.step_results] == [{"n": 1}, {"n": 2}]
    assert world.context.current_step is None


def test_an_action_without_steps_has_succeeded(world: World) -> None:
    assert world.execute()["steps_total"] == 0


def test_a_step_that_raises_undoes_what_was_done_in_reverse(world: World) -> None:
    cause = ValueError("no images")
    undone: list[StepResult] = []

    with pytest.raises(StepError, match="Step 'train' failed: ValueError: no images") as caught:
        world.execute(
            Step("load", undo=undone.append),
            Step("look", skip=True, undo=undone.append),
            Lasting("check"),
            Step("train", fail(cause), undo=undone.append),
            Step("never"),
        )

    assert caught.value.__cause__ is cause
    assert world.context.did == ["load", "check", "train", "undo train", "undo load"]
    assert [result.success for result in undone] == [False, True]
    assert undone[1].rollback_data == {"of": "load"}
    assert world.sink.transitions[-4:] == [
        "train started",
        "train failed",
        "train rolled_back",
        "load rolled_back",
    ]
    assert world.context.errors == ["train: ValueError: no images"]


def test_a_result_without_success_fails_the_action_and_keeps_its_rollback_data(
    world: World,
) -> None:
    undone: list[StepResult] = []
    half = StepResult(success=False, error="half of it", rollback_data={"up_to": 5})

    with pytest.raises(StepError, match="half of it") as caught:
        world.execute(Step("upload", lambda _: half, undo=undone.append))

    assert caught.value.__cause__ is None
    assert undone[0].rollback_data == {"up_to": 5}


def test_errors_of_undoing_stand_beside_the_first_one(world: World) -> None:
    first, second, third = ValueError("first"), OSError("second"), KeyError("third")

    def refuse(error: Exception) -> Step:
        def undo(_result: StepResult) -> None:
            raise error

        return Step(str(error.args[0]), undo=undo)

    with pytest.raises(StepError, match="first") as caught:
        world.execute(refuse(third), Step("between"), refuse(second), Step("last", fail(first)))

    assert causes(caught.value) == (first, second, third)
    assert caught.value.data["rollback_errors"] == ["OSError: second", "KeyError: 'third'"]
    assert world.context.did[-4:] == ["undo last", "undo second", "undo between", "undo third"]
    assert world.sink.transitions[-2:] == ["between rolled_back", "third rollback_failed"]
    shown = "".join(traceback.format_exception(caught.value))
    assert "while step 'second' was rolled back" in shown


def test_a_step_that_leaves_by_sys_exit_has_failed(world: World) -> None:
    with pytest.raises(StepError, match="SystemExit: 3"):
        world.execute(Step("load"), Step("leave", fail(SystemExit(3))))

    assert world.context.did[-2:] == ["undo leave", "undo load"]


def test_what_is_no_result_fails_and_says_what_to_return(world: World) -> None:
    with pytest.raises(StepError, match="NoneType where a StepResult must be") as caught:
        world.execute(Step("forgets", lambda _: None))  # type: ignore[arg-type,return-value]  # the mistake

    assert "return StepResult()" in str(caught.value)


def test_a_step_that_cannot_tell_whether_to_skip_fails_without_being_undone(world: World) -> None:
    class Unsure(Step):
        def can_skip(self, context: Shared) -> bool:
            raise OSError(context.current_step)

    with pytest.raises(StepError, match="OSError: unsure"):
        world.execute(Step("load"), Unsure("unsure"))

    assert world.context.did == ["load", "undo load"]
    assert "unsure failed" in world.sink.transitions


def test_a_failed_attempt_is_repeated(world: World) -> None:
    def work(context: Shared) -> StepResult:
        if context.did.count("flaky") < 3:
            raise ConnectionError("gone")
        return StepResult()

    world.execute(Step("flaky", work, retry=AT_ONCE))

    assert world.sink.transitions == [
        "flaky started",
        "flaky retried",
        "flaky started",
        "flaky retried",
        "flaky started",
        "flaky succeeded",
    ]
    told = world.sink.of(EventKind.STEP)
    assert [data["attempt"] for data in told] == [1, 1, 2, 2, 3, 3]
    assert told[1]["error"] == "ConnectionError: gone"


def test_when_the_attempts_are_used_up_the_step_is_undone_once(world: World) -> None:
    with pytest.raises(StepError):
        world.execute(Step("flaky", fail(ConnectionError("gone")), retry=AT_ONCE))

    assert world.context.did == ["flaky", "flaky", "flaky", "undo flaky"]


def test_cancelling_between_two_steps_undoes_what_was_done(world: World) -> None:
    def work(_context: Shared) -> StepResult:
        world.cancel.set()
        return StepResult()

    with pytest.raises(RunCancelledError):
        world.execute(Step("load", work), Step("train"))

    assert world.context.did == ["load", "undo load"]
    assert world.sink.transitions[-1] == "load rolled_back"


def test_cancelling_inside_a_step_is_not_repeated(world: World) -> None:
    def work(context: Shared) -> StepResult:
        world.cancel.set()
        context.check_cancelled()
        return StepResult()

    with pytest.raises(RunCancelledError):
        world.execute(Step("load"), Step("train", work, retry=AT_ONCE))

    assert world.context.did == ["load", "train", "undo train", "undo load"]
    assert "train failed" in world.sink.transitions


def test_cancelling_ends_the_wait_between_two_attempts(world: World) -> None:
    def work(_context: Shared) -> StepResult:
        world.cancel.set()
        raise ConnectionError

    with pytest.raises(RunCancelledError):
        world.execute(Step("flaky", work, retry=RetryPolicy(retries=1, backoff_s=3600)))


def test_undoing_may_ask_whether_it_is_cancelled_and_go_on(world: World) -> None:
    def work(context: Shared) -> StepResult:
        world.cancel.set()
        context.check_cancelled()
        return StepResult()

    with pytest.raises(RunCancelledError):
        world.execute(
            Step("load", undo=lambda _: world.context.check_cancelled()), Step("train", work)
        )

    assert world.sink.transitions[-1] == "load rolled_back"


class Interrupting(Recorder):
    """A sink after whose n-th event a signal to stop arrives, as it does in a worker."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        seq = super().emit(kind, data)
        if seq == self._after:
            raise RunCancelledError("a signal")
        return seq


@pytest.mark.parametrize("after", range(1, 20))
def test_a_signal_to_stop_at_any_time_keeps_nothing_from_being_undone(
    tmp_path: Path, after: int
) -> None:
    world = World(tmp_path, sink=Interrupting(after))

    with pytest.raises((RunCancelledError, StepError)):
        world.execute(
            Step("load"), Step("look"), Step("train", fail(ValueError("no")), retry=AT_ONCE)
        )

    done = [what for what in world.context.did if not what.startswith("undo")]
    undone = [what for what in world.context.did if what.startswith("undo")]
    assert undone == [f"undo {name}" for name in reversed(dict.fromkeys(done))]


def test_errors_of_undoing_a_cancelled_action_are_kept(world: World) -> None:
    def refuse(_result: StepResult) -> None:
        raise OSError("busy")

    with pytest.raises(RunCancelledError) as caught:
        world.execute(Step("load", undo=refuse), Step("train", fail(RunCancelledError("stop"))))

    assert [str(error) for error in causes(caught.value)] == ["busy"]


class Coroutines(BaseStep[Shared]):
    """Two of them must share one loop: a future belongs to the loop that made it."""

    def __init__(self, name: str, futures: list["asyncio.Future[str]"]) -> None:
        self._name = name
        self._futures = futures

    @property
    def name(self) -> str:
        return self._name

    @property
    def progress_weight(self) -> float:
        return 1

    async def execute(self, context: Shared) -> StepResult:
        context.did.append(self._name)
        if not self._futures:
            self._futures.append(asyncio.get_running_loop().create_future())
            return StepResult()
        asyncio.get_running_loop().call_soon(self._futures[0].set_result, "same loop")
        return StepResult(data={"got": await self._futures[0]})

    async def rollback(self, context: Shared, result: StepResult) -> None:
        await asyncio.sleep(0)  # the action sleeps
        context.did.append(f"undo {self._name} {result.success}")


def test_coroutines_share_one_event_loop(world: World) -> None:
    futures: list[asyncio.Future[str]] = []

    world.execute(Coroutines("one", futures), Coroutines("two", futures))

    assert world.context.step_results[-1].data == {"got": "same loop"}


def test_coroutines_run_where_a_loop_already_runs(world: World) -> None:
    futures: list[asyncio.Future[str]] = []

    async def notebook() -> None:
        world.execute(Coroutines("one", futures), Coroutines("two", futures))

    asyncio.run(notebook())

    assert world.context.step_results[-1].data == {"got": "same loop"}


def test_a_coroutine_can_undo(world: World) -> None:
    with pytest.raises(StepError):
        world.execute(Coroutines("one", []), Step("fails", fail(ValueError("no"))))

    assert world.context.did[-1] == "undo one True"

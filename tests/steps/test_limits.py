"""An attempt of a step ends in time."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable

import pytest

from synapse_core.errors import StepError
from synapse_core.model.event import EventKind
from synapse_core.model.run import RetryPolicy
from synapse_core.steps import BaseStep, StepResult
from synapse_core.steps.limits import Overtime, TimeLimit
from synapse_core.types import JSONObject
from tests.steps.recording import Recorder, Shared, Step, World

SHORT_S = 0.05
ENOUGH_S = 30.0
"""A step that is not interrupted ends by itself after so long, and the test fails."""


def wait_for_nothing(_context: Shared) -> StepResult:
    threading.Event().wait(ENOUGH_S)
    return StepResult()


def spin(_context: Shared) -> StepResult:
    until = time.monotonic() + ENOUGH_S
    while time.monotonic() < until:
        pass
    return StepResult()


def swallow(_context: Shared) -> StepResult:
    try:
        threading.Event().wait(ENOUGH_S)
    except Exception:  # noqa: BLE001 - what careless code does
        return StepResult()
    return StepResult()


@pytest.mark.parametrize("work", [wait_for_nothing, spin, swallow])
def test_a_step_is_interrupted_wherever_it_stands(
    world: World, work: Callable[[Shared], StepResult]
) -> None:
    begun = time.monotonic()

    with pytest.raises(
        StepError, match=r"TimeoutError: An attempt took longer than its 0\.05 s"
    ) as e:
        world.execute(Step("load"), Step("slow", work, timeout_s=SHORT_S))

    assert isinstance(e.value.__cause__, TimeoutError)
    assert time.monotonic() - begun < ENOUGH_S / 2
    assert world.context.did == ["load", "slow", "undo slow", "undo load"]


def test_the_traceback_leads_to_the_line_that_took_too_long(world: World) -> None:
    with pytest.raises(StepError) as caught:
        world.execute(Step("slow", wait_for_nothing, timeout_s=SHORT_S))

    names: list[str] = []
    trace = caught.value.__cause__.__traceback__ if caught.value.__cause__ else None
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert "wait_for_nothing" in names


def test_each_attempt_has_its_own_time(world: World) -> None:
    def work(context: Shared) -> StepResult:
        return wait_for_nothing(context) if len(context.did) == 1 else StepResult()

    once = RetryPolicy(retries=1, backoff_s=0)
    world.execute(Step("slow", work, timeout_s=SHORT_S, retry=once))

    assert world.sink.transitions[-1] == "slow succeeded"


def test_a_quick_step_is_left_alone_and_no_alarm_stays_behind(world: World) -> None:
    before = signal.getsignal(signal.SIGALRM)

    world.execute(Step("quick", timeout_s=ENOUGH_S))

    assert signal.getsignal(signal.SIGALRM) is before


def test_an_alarm_of_somebody_else_rings_later() -> None:
    rang = threading.Event()
    before = signal.signal(signal.SIGALRM, lambda _number, _frame: rang.set())
    timer = signal.setitimer(signal.ITIMER_REAL, 3600)
    try:
        TimeLimit(ENOUGH_S).bound(lambda: None)
        left_s, _ = signal.setitimer(signal.ITIMER_REAL, 3600)
        assert 3500 < left_s < 3600
        signal.setitimer(signal.ITIMER_REAL, SHORT_S)
        with pytest.raises(Overtime):
            TimeLimit(SHORT_S * 4).bound(lambda: threading.Event().wait(ENOUGH_S))
        assert rang.wait(ENOUGH_S)
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def test_in_another_thread_a_step_is_stopped_where_it_asks(world: World) -> None:
    def work(context: Shared) -> StepResult:
        until = time.monotonic() + ENOUGH_S
        while time.monotonic() < until:
            context.check_cancelled()
        return StepResult()

    caught = in_thread(lambda: world.execute(Step("slow", work, timeout_s=SHORT_S)))

    assert isinstance(caught, StepError)
    assert "took longer" in str(caught)


def test_in_another_thread_a_late_result_comes_too_late(world: World) -> None:
    def work(_context: Shared) -> StepResult:
        threading.Event().wait(SHORT_S * 2)
        return StepResult()

    caught = in_thread(lambda: world.execute(Step("slow", work, timeout_s=SHORT_S)))

    assert isinstance(caught, StepError)


def in_thread(call: Callable[[], object]) -> BaseException | None:
    """Return what `call` raises in a thread of its own."""
    caught: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - it is handed to the test
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(ENOUGH_S)
    return caught[0] if caught else None


class Coroutine(BaseStep[Shared]):
    @property
    def name(self) -> str:
        return "coroutine"

    @property
    def progress_weight(self) -> float:
        return 1.0


class Waits(Coroutine):
    timeout_s = SHORT_S

    async def execute(self, context: Shared) -> StepResult:
        try:
            await asyncio.Event().wait()
        finally:
            context.did.append("cleaned up")
        return StepResult()


def test_a_coroutine_is_cancelled_in_time(world: World) -> None:
    with pytest.raises(StepError, match="took longer"):
        world.execute(Waits())

    assert world.context.did == ["cleaned up"]


class Own(Coroutine):
    timeout_s = ENOUGH_S

    async def execute(self, context: Shared) -> StepResult:
        raise TimeoutError(f"{context.current_step}: the server did not answer")


def test_a_timeout_of_the_steps_own_is_told_as_it_is(world: World) -> None:
    with pytest.raises(StepError, match="the server did not answer"):
        world.execute(Own())


class SlowRecorder(Recorder):
    """Writes each event in two parts, as a journal and its numbering are."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        self.begun += 1
        _ = [repr(data) for _ in range(20)]
        return super().emit(kind, data)


def test_no_event_is_torn_apart_by_an_interruption(world: World) -> None:
    sink = SlowRecorder()
    noisy = World(world.folder, sink=sink)

    def work(context: Shared) -> StepResult:
        while True:
            context.log("again", {"text": "x" * 100})

    for _ in range(8):
        with pytest.raises(StepError):
            noisy.execute(Step("noisy", work, timeout_s=0.002))

    assert sink.begun == len(sink.events)

"""Any course of events ends as a model of a few lines says."""

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import RunCancelledError, StepError
from synapse_core.model.run import RetryPolicy
from synapse_core.steps import BaseStep, StepResult
from tests.steps.recording import Lasting, Shared, Step, World


@dataclass(frozen=True)
class Plan:
    """What a step is to do: fail so many times, then end as told."""

    ending: str
    failures: int
    retries: int
    is_lasting: bool
    cannot_undo: bool

    @property
    def fails(self) -> bool:
        return self.ending == "fails" or (self.ending == "works" and self.failures > self.retries)


@dataclass
class Expected:
    """What the model says of one attempt of the action."""

    did: list[str] = field(default_factory=list[str])
    finished: list[str] = field(default_factory=list[str])
    ending: str = "works"


PLANS = st.builds(
    Plan,
    ending=st.sampled_from(["works", "works", "works", "fails", "skipped", "cancelled"]),
    failures=st.integers(0, 2),
    retries=st.integers(0, 2),
    is_lasting=st.booleans(),
    cannot_undo=st.booleans(),
)


def predict(plans: list[Plan]) -> Expected:
    """Say what happens, without any of the machinery."""
    expected = Expected()
    undoable: list[str] = []
    for number, plan in enumerate(plans):
        name = str(number)
        if plan.ending == "skipped":
            expected.finished.append(name)
            continue
        attempts = 1 + (
            0 if plan.ending == "cancelled" else plan.retries if plan.fails else plan.failures
        )
        expected.did += [name] * attempts
        if not plan.is_lasting:
            undoable.append(name)
        if plan.fails or plan.ending == "cancelled":
            expected.ending = "cancelled" if plan.ending == "cancelled" else "fails"
            expected.did += [f"undo {done}" for done in reversed(undoable)]
            break
        expected.finished.append(name)
    if expected.ending != "works":
        undone = [expected.finished.index(name) for name in undoable if name in expected.finished]
        del expected.finished[min(undone, default=len(expected.finished)) :]
    return expected


def build(plan: Plan, name: str) -> BaseStep[Shared]:
    def work(context: Shared) -> StepResult:
        if plan.ending == "cancelled":
            raise RunCancelledError("stop")
        if plan.ending == "fails" or context.did.count(name) <= plan.failures:
            raise ValueError(name)
        return StepResult()

    def undo(_result: StepResult) -> None:
        if plan.cannot_undo:
            raise OSError(name)

    step = Lasting(name, work) if plan.is_lasting else Step(name, work, undo=undo)
    if plan.ending == "skipped":
        step = Step(name, skip=True)
    step.retry = RetryPolicy(plan.retries, 0)
    return step


@given(st.lists(PLANS, max_size=6))
def test_an_action_does_what_the_model_says(plans: list[Plan]) -> None:
    expected = predict(plans)
    steps = [build(plan, str(number)) for number, plan in enumerate(plans)]
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        if expected.ending == "works":
            world.execute(*steps)
        else:
            kind = StepError if expected.ending == "fails" else RunCancelledError
            with pytest.raises(kind):
                world.execute(*steps)

        assert world.context.did == expected.did
        again = world.next_attempt()
        mended = [
            build(Plan("works", 0, 0, plan.is_lasting, cannot_undo=False), str(number))
            if plan.ending != "skipped"
            else step
            for number, (plan, step) in enumerate(zip(plans, steps, strict=True))
        ]
        counts = again.execute(*mended)

    assert counts["steps_resumed"] == len(expected.finished)
    executed = [
        str(number)
        for number, plan in enumerate(plans)
        if plan.ending != "skipped" and number >= len(expected.finished)
    ]
    assert again.context.did == executed

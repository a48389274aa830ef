"""Steps have names that differ, and an order."""

import pytest

from synapse_core.errors import StepDefinitionError
from synapse_core.steps import StepRegistry
from tests.steps.recording import Shared, Step


def registry_of(*names: str) -> StepRegistry[Shared]:
    registry = StepRegistry[Shared]()
    for name in names:
        registry.register(Step(name, weight=0.5))
    return registry


def names(registry: StepRegistry[Shared]) -> list[str]:
    return [step.name for step in registry]


def test_steps_keep_the_order_of_their_registration() -> None:
    registry = registry_of("load", "train", "export")

    assert names(registry) == ["load", "train", "export"]
    assert [step.name for step in registry.get_steps()] == names(registry)
    assert (len(registry), registry.total_weight, bool(registry)) == (3, 1.5, True)
    assert "train" in registry
    assert not StepRegistry[Shared]()


def test_steps_can_be_put_beside_others_and_taken_out() -> None:
    registry = registry_of("load", "train")

    registry.insert_before("load", Step("fetch"))
    registry.insert_after("load", Step("look"))
    registry.insert_after("train", Step("export"))
    registry.unregister("train")

    assert names(registry) == ["fetch", "load", "look", "export"]


def test_the_list_of_steps_is_the_callers_own() -> None:
    registry = registry_of("load")

    registry.get_steps().clear()

    assert len(registry) == 1


def test_a_name_is_given_once() -> None:
    registry = registry_of("load", "train")

    again = Step("train")
    for add in (
        lambda: registry.register(again),
        lambda: registry.insert_before("load", again),
        lambda: registry.insert_after("load", again),
    ):
        with pytest.raises(StepDefinitionError, match="'train' is already registered"):
            add()

    assert names(registry) == ["load", "train"]


def test_an_unknown_step_is_told_with_the_nearest_one() -> None:
    registry = registry_of("load_data", "train")

    for call in (
        lambda: registry.unregister("load_dat"),
        lambda: registry.insert_before("load_dat", Step("new")),
        lambda: registry.insert_after("load_dat", Step("new")),
    ):
        with pytest.raises(StepDefinitionError) as caught:
            call()
        assert "Did you mean 'load_data'?" in str(caught.value)
        assert "Registered: load_data, train." in str(caught.value)


@pytest.mark.parametrize("name", ["", " ", "two\nlines", "x" * 101, None, 5])
def test_a_name_is_a_short_text(name: str) -> None:
    with pytest.raises(StepDefinitionError, match=r"Step\.name is"):
        registry_of(name)


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf"), "1", None, True])
def test_a_weight_is_a_number_from_0(weight: float) -> None:
    with pytest.raises(StepDefinitionError, match=r"Step\.progress_weight is"):
        StepRegistry[Shared]().register(Step("load", weight=weight))


@pytest.mark.parametrize("timeout_s", [0, -1, float("inf"), "5", True])
def test_a_time_limit_is_above_0(timeout_s: float) -> None:
    with pytest.raises(StepDefinitionError, match=r"Step\.timeout_s is"):
        StepRegistry[Shared]().register(Step("load", timeout_s=timeout_s))


@pytest.mark.parametrize("retry", [-1, 1.5, "3", None, True])
def test_a_retry_is_a_count_or_a_policy(retry: int) -> None:
    with pytest.raises(StepDefinitionError, match=r"Step\.retry is"):
        StepRegistry[Shared]().register(Step("load", retry=retry))


def test_a_class_in_place_of_a_step_is_told() -> None:
    with pytest.raises(StepDefinitionError, match=r"Register an instance: Step\(\)\."):
        StepRegistry[Shared]().register(Step)  # type: ignore[arg-type]  # the mistake

"""Actions that are classes."""

import types
from abc import abstractmethod
from typing import Generic, TypeVar

import pytest
from pydantic import BaseModel, Field

from synapse_core import BaseAction, PluginCategory
from synapse_core.actions.definition import definition_of
from synapse_core.errors import ActionDefinitionError, ResultError
from synapse_core.testing import run_action
from synapse_core.types import ModelWeights, YOLODataset


class TrainParams(BaseModel):
    epochs: int = Field(default=2, ge=1)


class TrainResult(BaseModel):
    loss: float


P = TypeVar("P", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)
S = TypeVar("S")


class Shared(BaseAction[P]):
    def double(self, number: int) -> int:
        return 2 * number


class SharedTwice(Shared[Q], Generic[S, Q]):
    pass


class Early(BaseAction["LateParams"]):
    def execute(self) -> str:
        return self.params.text


class LateParams(BaseModel):
    text: str = "late"


def test_params_are_read_from_the_brackets() -> None:
    class Train(BaseAction[TrainParams]):
        def execute(self) -> int:
            return self.params.epochs

    assert Train.params_model is TrainParams
    assert run_action(Train, {"epochs": 5}).result == 5


def test_params_pass_through_generic_bases_under_other_names() -> None:
    class Train(SharedTwice[str, TrainParams]):
        def execute(self) -> int:
            return self.double(self.params.epochs)

    assert Train.params_model is TrainParams
    assert run_action(Train, {}).result == 4


def test_params_are_inherited_from_a_whole_action() -> None:
    class Train(BaseAction[TrainParams]):
        def execute(self) -> int:
            return self.params.epochs

    class TrainLonger(Train):
        def execute(self) -> int:
            return 10 * super().execute()

    assert run_action(TrainLonger, {}).result == 20


def test_params_may_be_named_in_quotes_before_they_are_defined() -> None:
    assert run_action(Early, {}).result == "late"


def test_params_may_be_given_as_an_attribute() -> None:
    class Train(BaseAction):  # pyright: ignore[reportMissingTypeArgument] - this is the point
        params_model = TrainParams

        def execute(self) -> object:
            return self.ctx.job_id

    assert Train.params_model is TrainParams
    assert run_action(Train, {"epochs": 1}).result == "test"


def test_a_class_says_what_it_is() -> None:
    class TrainYOLOAction(BaseAction[TrainParams]):
        """Train a detector, and
        tell how well it does.

        And more.
        """  # noqa: D205 - authors write so

        category = PluginCategory.NEURAL_NET
        input_type = YOLODataset
        output_type = ModelWeights
        result_model = TrainResult

        def execute(self) -> TrainResult:
            return TrainResult(loss=0.5)

    told = definition_of(TrainYOLOAction)

    assert told.name == "train_yolo"
    assert told.description == "Train a detector, and tell how well it does."
    assert (told.kind, told.category) == ("class", PluginCategory.NEURAL_NET)
    assert (told.input_type, told.output_type) == (YOLODataset, ModelWeights)


@pytest.mark.parametrize(
    ("class_name", "name"),
    [
        ("Action", "action"),
        ("ExportAction", "export"),
        ("HTTPServerAction", "http_server"),
        ("Sam2Segment", "sam2_segment"),
        ("train", "train"),
    ],
)
def test_the_name_follows_from_that_of_the_class(class_name: str, name: str) -> None:
    made = types.new_class(class_name, (Shared[TrainParams],))

    assert definition_of(made).name == name


def test_a_description_is_not_inherited() -> None:
    class Train(BaseAction[TrainParams]):
        def execute(self) -> None: ...

    assert definition_of(Train).description == ""


def test_what_the_author_said_is_reported() -> None:
    class Train(BaseAction[TrainParams]):
        def execute(self) -> None:
            self.log("began", {"epochs": self.params.epochs})
            self.logger.info("Working on %s", "it")
            self.set_progress(1, 2)
            self.set_metrics({"loss": 0.5}, category="train")
            self.log_message("Half way.", "success")

    done = run_action(Train, {})

    assert done.logs == ["began", "Working on it"]
    assert done.messages == ["Half way."]
    assert done.metrics == {"train": {"loss": 0.5}}
    (progress,) = done.progress.values()
    assert progress.percent == 50


def test_an_asynchronous_action_runs_in_a_loop_of_its_own() -> None:
    class Wait(BaseAction[TrainParams]):
        result_model = TrainResult

        async def execute(self) -> TrainResult:
            import asyncio  # noqa: PLC0415 - as an author may

            await asyncio.sleep(0)  # the action sleeps
            return TrainResult(loss=self.params.epochs)

    assert run_action(Wait, {"epochs": 3}).result == {"loss": 3.0}


def test_an_asynchronous_action_runs_where_a_loop_is_running_already() -> None:
    import asyncio  # noqa: PLC0415 - as a notebook does

    class Wait(BaseAction[TrainParams]):
        async def execute(self) -> int:
            raise LookupError("from inside")

    async def notebook_cell() -> None:
        run_action(Wait, {})

    with pytest.raises(LookupError, match="from inside"):
        asyncio.run(notebook_cell())


def test_a_dict_becomes_the_result_model() -> None:
    class Train(BaseAction[TrainParams]):
        result_model = TrainResult

        def execute(self) -> dict[str, float]:
            return {"loss": 1}

    done = run_action(Train, {})

    assert done.value == TrainResult(loss=1)
    assert done.result == {"loss": 1.0}


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ({"los": 1}, "loss: is required"),
        ({"loss": "much"}, 'loss: should be a valid number.*got "much"'),
        (None, "The action returned nothing that does not meet TrainResult"),
        (TrainParams(), "a value of type TrainParams that does not meet TrainResult"),
        (3, "a value of type int"),
    ],
)
def test_a_wrong_result_fails_and_names_the_field(returned: object, told: str) -> None:
    class Train(BaseAction[TrainParams]):
        result_model = TrainResult

        def execute(self) -> object:
            return returned

    with pytest.raises(ResultError, match=told):
        run_action(Train, {})


@pytest.mark.parametrize("argument", [int, "dict[str, int]", TrainParams | None, BaseModel])
def test_params_that_are_no_model_are_refused_where_the_class_is_defined(argument: object) -> None:
    namespace = {"BaseAction": BaseAction, "argument": argument}

    with pytest.raises(ActionDefinitionError, match="which is no pydantic model"):
        exec("class Wrong(BaseAction):\n    params_model = argument", namespace)  # noqa: S102 - a definition that no checker would let pass


def test_a_result_model_that_is_none_is_refused_where_the_class_is_defined() -> None:
    with pytest.raises(ActionDefinitionError, match=r"The result model of .*Wrong is dict"):

        class Wrong(BaseAction[TrainParams]):  # pyright: ignore[reportUnusedClass] - never made
            result_model = dict  # pyright: ignore[reportAssignmentType] - this is the point


def test_a_semantic_type_that_is_none_is_refused() -> None:
    with pytest.raises(ActionDefinitionError, match="output_type of "):

        class Train(BaseAction[TrainParams]):  # pyright: ignore[reportUnusedClass] - never made
            output_type = "weights"  # pyright: ignore[reportAssignmentType] - this is the point


def test_a_category_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ActionDefinitionError, match="Categories: neural_net"):

        class Wrong(BaseAction[TrainParams]):  # pyright: ignore[reportUnusedClass] - never made
            category = "neural"  # pyright: ignore[reportAssignmentType] - this is the point


def test_a_class_without_params_cannot_be_run() -> None:
    class Wrong(BaseAction):  # pyright: ignore[reportMissingTypeArgument] - this is the point
        def execute(self) -> None: ...

    with pytest.raises(ActionDefinitionError, match="does not say what its params are"):
        run_action(Wrong, {})


def test_a_class_that_does_nothing_cannot_be_run() -> None:
    class Idle(BaseAction[TrainParams]):
        pass

    with pytest.raises(ActionDefinitionError, match="neither `execute` nor `setup_steps`"):
        definition_of(Idle).check()
    with pytest.raises(ActionDefinitionError, match="has no `execute`"):
        run_action(Idle, {})


def test_an_abstract_class_says_what_it_lacks() -> None:
    class Abstract(BaseAction[TrainParams]):
        @abstractmethod
        def read(self) -> str: ...

        def execute(self) -> str:
            return self.read()

    with pytest.raises(ActionDefinitionError, match="it lacks read"):
        definition_of(Abstract).check()


def test_the_base_itself_is_no_action() -> None:
    with pytest.raises(ActionDefinitionError, match="The class BaseAction is no action"):
        definition_of(BaseAction)

"""Runs of actions that answer with a model: what a served one says part by part is a list here."""

from collections.abc import AsyncGenerator, Generator

import pytest
from pydantic import BaseModel

from synapse_core import BaseInferenceAction, BaseServeDeployment
from synapse_core.errors import ActionDefinitionError, ResultError
from synapse_core.testing import run_action


class Ask(BaseModel):
    words: int = 2


class Word(BaseModel):
    word: str


class Coroutine(BaseServeDeployment[Ask]):
    item_model = Word

    async def infer(self, inputs: Ask) -> AsyncGenerator[object]:
        for count in range(inputs.words):
            yield {"word": f"{self.get_model()}{count}"}

    def load_model(self, model_id: str) -> str:
        return model_id or "w"


class Threaded(BaseInferenceAction[Ask]):
    def infer(self, model: object, inputs: Ask) -> Generator[object]:
        del model
        yield from range(inputs.words)


class Misspeaking(Threaded):
    item_model = Word


def test_a_run_has_the_list_of_all_parts() -> None:
    assert run_action(Coroutine, {"words": 3}).result == [
        {"word": "w0"},
        {"word": "w1"},
        {"word": "w2"},
    ]
    assert run_action(Threaded, {}).result == [0, 1]


def test_each_part_is_held_to_its_model() -> None:
    with pytest.raises(ResultError, match="does not meet Word"):
        run_action(Misspeaking, {})


def test_a_model_of_the_whole_is_refused_where_parts_are_said() -> None:
    with pytest.raises(ActionDefinitionError) as caught:
        type("Wrong", (Threaded,), {"result_model": Word})

    assert "item_model = Word" in caught.value.hint

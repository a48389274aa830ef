"""Actions that answer with a model: once as a run, or many times when they are served."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, cast

from pydantic import BaseModel

from synapse_core.actions.base import BaseAction
from synapse_core.actions.definition import ensure_model
from synapse_core.actions.results import conform
from synapse_core.errors import ActionDefinitionError

__all__ = [
    "BaseInferenceAction",
    "BaseServeDeployment",
    "Parts",
    "ServedAction",
    "current_model",
    "finish",
]

P = TypeVar("P", bound=BaseModel)

current_model: ContextVar[Any] = ContextVar("synapse_model")
"""The model that the request asks for which is answered now."""

Parts = Iterator[object] | AsyncIterator[object]
"""An answer that is said part by part, as a generator does; a list is a whole answer."""


class ServedAction(BaseAction[P], Generic[P]):
    """What both bases share. As a run, it loads the default model and answers its params.

    Served, there is one instance for the life of a process: `params` is None then, and each
    request comes as an argument.

    An answer may be said part by part: by an `infer` that yields, or returns an iterator. A run
    then has the list of all parts as its result.

    Attributes:
        item_model: What each part of such an answer must be; None for any JSON.
    """

    item_model: ClassVar[type[BaseModel] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 - as Python passes them
        """Refuse models that cannot be meant.

        Raises:
            ActionDefinitionError: `item_model` is no model, or missing where `result_model` is not.
        """
        super().__init_subclass__(**kwargs)
        if cls.item_model is not None:
            ensure_model(cls.item_model, cls.__qualname__, "item")
        elif cls.result_model is not None and _yields(getattr(cls, "infer", None)):
            raise ActionDefinitionError(
                f"`infer` of {cls.__qualname__} yields parts, and `result_model` says what a whole "
                "answer is.",
                hint=f"Write `item_model = {cls.result_model.__name__}` instead.",
            )

    @classmethod
    def can_answer(cls) -> bool:
        """Whether the class says how to answer, and is more than a base for others."""
        return any(
            name in vars(one)
            for one in cls.__mro__
            if one.__module__ != __name__
            for name in ("infer", "infer_batch", "answer")
        )

    def setup(self) -> object:
        """Get ready, once for the life of the process; may be `async`."""
        return None

    def load_model(self, model_id: str) -> object:
        """Return a model, once for each id until it is unloaded; may be `async`.

        Args:
            model_id: What the request names; empty for the default model.

        Raises:
            LookupError: There is no such model; the client is told so.
        """
        if model_id:
            raise ActionDefinitionError(
                f"{type(self).__name__} has no `load_model`, so it has no model {model_id!r}.",
                hint="Write `def load_model(self, model_id)`.",
            )
        return None

    def unload_model(self, model_id: str, model: object) -> object:  # noqa: ARG002 - for those who override it
        """Let go of a model that others need the room of; may be `async`."""
        return None

    def download_model(self, model_id: str, folder: Path) -> Path:
        """Fetch the files of a model into a folder and return where they are; for `load_model`.

        Raises:
            ActionDefinitionError: The class does not say how.
        """
        raise ActionDefinitionError(
            f"{type(self).__name__} does not say where models come from.",
            hint=f"Write `def download_model(self, model_id, folder)` to fetch {model_id!r} "
            f"into {str(folder)!r}.",
        )

    def close(self) -> object:
        """Clean up at the end of the process; may be `async`. A killed process has no time to."""
        return None

    def answer(self, model: Any, inputs: Sequence[P]) -> object:  # noqa: ANN401 - the author's own class
        """Return the results of a batch in its order; all or each may be awaitable."""
        raise NotImplementedError

    async def execute(self) -> object:
        """Answer the params as one request would be answered."""
        await finish(self.setup())
        model = await finish(self.load_model(""))
        token = current_model.set(model)
        try:
            results = cast("Sequence[object]", await finish(self.answer(model, [self.params])))
            return await self._whole(await finish(results[0]))
        finally:
            current_model.reset(token)
            await finish(self.close())

    async def _whole(self, result: object) -> object:
        """Return an answer as it is, and the list of its parts if it is said part by part."""
        if isinstance(result, AsyncIterator):
            parts = [part async for part in cast("AsyncIterator[object]", result)]
        elif isinstance(result, Iterator):
            parts = list(cast("Iterator[object]", result))
        else:
            return result
        model = self.item_model
        return parts if model is None else [conform(part, model) for part in parts]


class BaseInferenceAction(ServedAction[P], Generic[P]):
    """An action that answers with a model.

    Derive from `BaseInferenceAction[YourParams]` and write `load_model` and `infer`. The params are
    what one request holds; `result_model` is what one answer holds.
    """

    def get_model(self) -> object:
        """Return the model that the current request asks for."""
        return current_model.get()

    def infer(self, model: Any, inputs: P) -> object:  # noqa: ANN401, ARG002 - as `answer` says
        """Return the answer to one request, or yield its parts; may be `async`."""
        raise ActionDefinitionError(
            f"{type(self).__name__} has no `infer`.", hint="Add `def infer(self, model, inputs)`."
        )

    def infer_batch(self, model: Any, inputs: list[P]) -> Sequence[object]:  # noqa: ANN401 - as above
        """Return the answers to several requests, in their order.

        Override it when the model takes many inputs at once; a served action that sets
        `serve.batch` gets them together.
        """
        return [self.infer(model, one) for one in inputs]

    def answer(self, model: Any, inputs: Sequence[P]) -> object:  # noqa: ANN401 - as above
        """Return the results of a batch in its order; all or each may be awaitable."""
        return self.infer_batch(model, list(inputs))


class BaseServeDeployment(ServedAction[P], Generic[P]):
    """An action that is served: one object that lives as long as its process.

    Derive from `BaseServeDeployment[YourParams]` and write `infer`; put what takes long into
    `setup`, and models that requests choose among into `load_model`.
    """

    def get_model(self) -> Any:  # noqa: ANN401 - the author's own class
        """Return the model that the current request asks for."""
        return current_model.get()

    def infer(self, inputs: P) -> object:  # noqa: ARG002 - for those who override it
        """Return the answer to one request, or yield its parts; may be `async`."""
        raise ActionDefinitionError(
            f"{type(self).__name__} has no `infer`.", hint="Add `def infer(self, inputs)`."
        )

    def infer_batch(self, inputs: list[P]) -> Sequence[object]:
        """Return the answers to several requests, in their order."""
        return [self.infer(one) for one in inputs]

    def answer(self, model: Any, inputs: Sequence[P]) -> object:  # noqa: ANN401 - the author's own class
        """Return the results of a batch in its order; all or each may be awaitable."""
        del model
        return self.infer_batch(list(inputs))


async def finish(value: object) -> object:
    """Return what an `async` method comes to, and what any other one has returned."""
    return await cast("Awaitable[object]", value) if inspect.isawaitable(value) else value


def _yields(function: object) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)

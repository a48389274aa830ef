"""Calls an action for requests: validates what they hold, and makes answers of what it returns."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, cast

from pydantic import BaseModel

from synapse_core.actions.definition import Action, definition_of
from synapse_core.actions.failure import describe_failure
from synapse_core.actions.invoke import invoke
from synapse_core.actions.json_schema import result_json_schema
from synapse_core.actions.params import parse_params
from synapse_core.actions.results import conform, result_to_json
from synapse_core.actions.schema import describe_schema
from synapse_core.errors import (
    ActionDefinitionError,
    ActionError,
    NotFoundError,
    ParamsError,
    ResultError,
    SynapseError,
)
from synapse_core.model.event import EventKind, LogLevel, LogSource
from synapse_core.runtime.context import RuntimeContext
from synapse_core.serving.outflow import Said, iterate
from synapse_core.serving.problems import problem_document, status_of
from synapse_core.types import JSONObject, JSONValue
from synapse_core.workloads.inference import Parts, ServedAction, current_model, finish

__all__ = ["Answer", "Servable"]

Told = tuple[int, JSONValue]
"""Status code and document."""

Answer: TypeAlias = "tuple[int, JSONValue | Said]"
"""Status code and document; or an answer that is said part by part."""

_MAX_ADVICE = 300


class Servable:
    """An action that is ready to be called for requests; used on one event loop.

    What is not `async` is called in threads, at most `concurrency` at once.

    Args:
        action: The action.
        context: All that it may touch.
        folder: The plugin's folder, for messages.
        concurrency: Calls at once.
    """

    def __init__(
        self, action: Action, context: RuntimeContext, folder: Path, concurrency: int
    ) -> None:
        self._action = action
        self._definition = definition_of(action)
        self._context = context
        self._folder = folder
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="synapse-answer")
        self._models: dict[str, asyncio.Future[object]] = {}
        self._users: Counter[str] = Counter()
        self._set_down = asyncio.Condition()
        self._served: ServedAction[Any] | None = None

    async def start(self) -> JSONObject:
        """Get ready to answer, with the default model loaded; return what the action is."""
        self._served = _make_served(self._action, self._context)
        if self._served is not None:
            await finish(await self._in_thread(self._served.setup))
            await self._model("")
        schema = asdict(describe_schema(self._action))
        item = self._served.item_model if self._served is not None else None
        return {
            "description": self._definition.description,
            "item": result_json_schema(item) if item is not None else None,
            **schema,
        }

    async def close(self) -> None:
        """Let the action clean up."""
        if self._served is not None:
            await finish(await self._in_thread(self._served.close))
        self._context.close()

    async def load(self, model_id: str) -> Told:
        """Load a model that requests will ask for."""
        try:
            await self._model(model_id)
        except Exception as error:  # noqa: BLE001 - user code may raise anything
            return self._refusal(error, model_id)
        return 200, None

    async def unload(self, model_id: str) -> None:
        """Let go of a model, once nobody uses it any more."""
        loaded = self._models.pop(model_id, None)
        if loaded is not None and self._served is not None:
            model = await loaded
            async with self._set_down:
                await self._set_down.wait_for(lambda: not self._users[model_id])
            await finish(await self._in_thread(self._served.unload_model, model_id, model))

    async def answer(self, model_id: str, bodies: Sequence[JSONValue]) -> list[Answer]:
        """Return the answer to each request, in their order."""
        answers: list[Answer] = [(500, None)] * len(bodies)
        valid: dict[int, BaseModel] = {}
        for place, body in enumerate(bodies):
            try:
                valid[place] = self._parse(body)
            except ParamsError as error:
                answers[place] = status_of(error), problem_document(error)
        if valid:
            answered = await self._answer_valid(model_id, list(valid.values()))
            for place, one in zip(valid, answered, strict=True):
                answers[place] = one
        return answers

    def _parse(self, body: JSONValue) -> BaseModel:
        if not isinstance(body, dict):
            raise ParamsError(
                f"A request holds a JSON object, and this one a {type(body).__name__}.",
                hint="Send an object with the params of the action.",
            )
        return parse_params(self._definition.params_model, body)

    async def _answer_valid(self, model_id: str, inputs: list[BaseModel]) -> list[Answer]:
        if self._served is None:
            calls = (self._call_action(one) for one in inputs)
            return await asyncio.gather(*calls)
        try:
            model = await self._model(model_id)
        except Exception as error:  # noqa: BLE001 - user code may raise anything
            return [self._refusal(error, model_id)] * len(inputs)
        self._users[model_id] += 1
        try:
            return await self._call_served(self._served, model_id, model, inputs)
        finally:
            await self._put_down(model_id)

    async def _put_down(self, model_id: str) -> None:
        self._users[model_id] -= 1
        async with self._set_down:
            self._set_down.notify_all()

    async def _call_action(self, inputs: BaseModel) -> Answer:
        try:
            result = await self._in_thread(invoke, self._action, inputs, self._context)
            return 200, result_to_json(result)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - an exit ends no server
            return self._failure(error)

    async def _call_served(
        self, served: ServedAction[Any], model_id: str, model: object, inputs: list[BaseModel]
    ) -> list[Answer]:
        token = current_model.set(model)
        try:
            results = await finish(await self._in_thread(served.answer, model, inputs))
            given = _each(results, len(inputs))
            complete = partial(self._complete, served, model_id, model)
            return await asyncio.gather(*(complete(one) for one in given))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - as above
            if len(inputs) == 1:
                return [self._failure(error)]
        finally:
            current_model.reset(token)
        # One of them has spoilt the batch; the others shall not suffer from it.
        alone = [await self._call_served(served, model_id, model, [one]) for one in inputs]
        return [answer for answers in alone for answer in answers]

    async def _complete(
        self, served: ServedAction[Any], model_id: str, model: object, result: object
    ) -> Answer:
        try:
            made = await finish(result)
            if isinstance(made, Iterator | AsyncIterator):
                self._users[model_id] += 1  # until its last part
                parts = self._say(served, model, cast("Parts", made))
                return 200, Said(parts, partial(self._put_down, model_id))
            expected = self._definition.result_model
            return 200, result_to_json(made if expected is None else conform(made, expected))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - as above
            return self._failure(error)

    async def _say(
        self, served: ServedAction[Any], model: object, parts: Parts
    ) -> AsyncGenerator[Told]:
        """Yield each part as JSON, and a problem at last if there is one."""
        current_model.set(model)  # in the task that says it, and no other
        expected = served.item_model
        said = iterate(parts, self._threads)
        try:
            async for part in said:
                yield 200, result_to_json(part if expected is None else conform(part, expected))
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - as above
            yield self._failure(error)
        finally:
            await said.aclose()

    async def _model(self, model_id: str) -> object:
        """Return a model; several that want it at once wait for the same."""
        loading = self._models.get(model_id)
        if loading is None:
            loading = asyncio.ensure_future(self._load(model_id))
            self._models[model_id] = loading
        try:
            return await asyncio.shield(loading)
        except BaseException:
            self._models.pop(model_id, None)
            raise

    async def _load(self, model_id: str) -> object:
        served = self._served
        if served is None:
            raise NotFoundError(
                "This action has no models to choose among.",
                hint="Derive it from BaseInferenceAction or BaseServeDeployment.",
            )
        return await finish(await self._in_thread(served.load_model, model_id))

    async def _in_thread(self, function: Callable[..., object], *arguments: object) -> object:
        """Call user code where it may take its time; the context goes with it."""
        call = partial(copy_context().run, function, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _refusal(self, error: Exception, model_id: str) -> Told:
        if isinstance(error, LookupError | FileNotFoundError):
            refused = NotFoundError(
                f"There is no model {model_id!r}.", hint="Name another in the header."
            )
            return 404, problem_document(refused)
        return self._failure(error)

    def _failure(self, error: BaseException) -> Told:
        """Tell the log all of it, and the client what it may know."""
        if isinstance(error, ParamsError):
            return status_of(error), problem_document(error)
        failure = describe_failure(error, self._folder)
        self._context.emit(
            EventKind.LOG,
            {
                "level": LogLevel.ERROR,
                "message": failure.traceback or f"{failure.type}: {failure.message}",
                "source": LogSource.ACTION,
            },
        )
        kind = type(error) if isinstance(error, ResultError) else ActionError
        told: SynapseError = kind(
            f"The action failed: {failure.type}: {failure.message}",
            hint=failure.hint[:_MAX_ADVICE],
        )
        return 500, problem_document(told, 500)


def _make_served(action: Any, context: RuntimeContext) -> ServedAction[Any] | None:  # noqa: ANN401 - a class or a function
    """Return the object that answers for as long as the process lives; None for other actions."""
    if isinstance(action, type) and issubclass(action, ServedAction):
        if not action.can_answer():
            raise ActionDefinitionError(
                f"{action.__name__} has neither `infer` nor `infer_batch`, so it cannot answer.",
                hint="Write `infer`.",
            )
        return cast("type[ServedAction[Any]]", action)(cast("Any", None), context)
    return None


def _each(results: object, count: int) -> Sequence[object]:
    if isinstance(results, Sequence):
        given = cast("Sequence[object]", results)
        if len(given) == count:
            return given
    raise ResultError(
        f"`infer_batch` gave no list of {count} results.",
        hint="Return one result for each of the inputs, in their order.",
    )

"""Answers that are said part by part: by generators of all kinds, to clients of all kinds."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest
from starlette.requests import Request
from starlette.responses import Response

from synapse_core.serving.reports import read_reports
from tests.serving.conftest import Bench, Serve, Served, until

pytestmark = pytest.mark.anyio

TALKERS = """
    import asyncio
    import os
    import time

    from pydantic import BaseModel

    from synapse_core import BaseInferenceAction, BaseServeDeployment


    class Ask(BaseModel):
        words: int = 3
        then: str = ""
        whole: bool = False
        wait_for: str = ""


    class Word(BaseModel):
        word: str


    def after(inputs, count):
        if count == inputs.words - 1:
            match inputs.then:
                case "raise":
                    raise RuntimeError("lost for words")
                case "misspeak":
                    return {"wort": "x"}
                case "die":
                    os._exit(5)
                case "stall":
                    time.sleep(60)
        return {"word": f"{count}"}


    class Threaded(BaseInferenceAction[Ask]):
        '''Says words.'''

        item_model = Word

        def load_model(self, model_id):
            return model_id or "default"

        def unload_model(self, model_id, model):
            print("let go of", model_id)

        def infer(self, model, inputs):
            if inputs.whole:
                return {"word": "all"}
            return self.say(inputs)

        def say(self, inputs):
            try:
                print("begins with", self.get_model())
                for count in range(inputs.words):
                    while inputs.wait_for and count and not os.path.exists(inputs.wait_for):
                        time.sleep(0.02)
                    yield after(inputs, count)
            finally:
                print("left off in", self.get_model())


    class Coroutine(BaseServeDeployment[Ask]):
        item_model = Word

        async def infer(self, inputs):
            try:
                for count in range(inputs.words):
                    while inputs.wait_for and count and not os.path.exists(inputs.wait_for):
                        await asyncio.sleep(0.02)
                    yield after(inputs, count)
            finally:
                print("left off")


    class Refusing(BaseServeDeployment[Ask]):
        def infer(self, inputs):
            raise RuntimeError("not today")
            yield
"""

EVENTS = 'data: {"word": "0"}\n\ndata: {"word": "1"}\n\n'

EACH = pytest.mark.parametrize("kind", ["Threaded", "Coroutine"])


class Client:
    """Asks over HTTP, and takes as much of the answer as the test wants."""

    def __init__(self, served: Served, body: object, **headers: str) -> None:
        given = {"content-type": "application/json", **headers}
        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": "/one",
            "root_path": "/one",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

        self._front = served.front
        self._request = Request(scope, receive)
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def talk(self) -> Response:
        response = await self._front.respond(self._request)

        async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
            self.messages.put_nowait(message)

        await response(self._request.scope, self._request.receive, send)
        return response

    @property
    def text(self) -> str:
        """What has come and not been looked at."""
        text = ""
        while not self.messages.empty():
            text += self.messages.get_nowait().get("body", b"").decode()
        return text


async def hear(served: Served, body: object, **headers: str) -> tuple[Response, str]:
    client = Client(served, body, **headers)
    response = await client.talk()
    return response, client.text


@asynccontextmanager
async def interrupted(served: Served, body: object, **headers: str) -> AsyncGenerator[Client]:
    """A client that has got the first part, and leaves at the end."""
    client = Client(served, body, **headers)
    talking = asyncio.create_task(client.talk())
    start = await client.messages.get()
    assert start["type"] == "http.response.start"
    assert json.loads((await client.messages.get())["body"]) == {"word": "0"}
    yield client
    talking.cancel()
    await asyncio.wait([talking])


@EACH
async def test_each_part_is_a_line(bench: Bench, serve: Serve, kind: str) -> None:
    bench.release(TALKERS, f"act:{kind}")

    async with serve() as served:
        response, text = await hear(served, {"words": 100})

    assert (response.status_code, response.media_type) == (200, "application/x-ndjson")
    assert [json.loads(line)["word"] for line in text.splitlines()] == [*map(str, range(100))]
    assert "left off" in bench.log()


@EACH
async def test_the_first_part_comes_before_the_last_is_known(
    bench: Bench, serve: Serve, kind: str
) -> None:
    bench.release(TALKERS, f"act:{kind}")

    async with serve() as served:
        signal = bench.folder / "go-on"
        client = Client(served, {"words": 2, "wait_for": str(signal)})
        talking = asyncio.create_task(client.talk())
        await client.messages.get()
        first = (await client.messages.get())["body"]
        assert not talking.done()
        signal.touch()
        await talking

    assert json.loads(first) == {"word": "0"}
    assert json.loads(client.text) == {"word": "1"}


@EACH
async def test_a_client_that_leaves_ends_the_generator(
    bench: Bench, serve: Serve, kind: str
) -> None:
    bench.release(TALKERS, f"act:{kind}")

    async with serve() as served:
        async with interrupted(served, {"words": 10**9}):
            assert "left off" not in bench.log()
        await until(lambda: "left off" in bench.log())
        response, _ = await hear(served, {})

    assert response.status_code == 200


async def test_a_client_that_does_not_read_on_holds_the_generator_back(
    bench: Bench, serve: Serve
) -> None:
    bench.release(
        TALKERS.replace("yield after(", "print('says', count); yield after("), "act:Threaded"
    )

    async with serve() as served:
        parts = (await served.replica.answer("", [{"words": 1000}]))[0][1]
        assert not isinstance(parts, str | int | float | list | dict | None)
        await anext(parts)
        await until(lambda: "says 31" in bench.log())
        _ = await served.ask({"whole": True})
        assert "says 40" not in bench.log()
        await parts.aclose()
        await until(lambda: "left off" in bench.log())


@pytest.mark.parametrize(
    ("accept", "media_type", "text"),
    [
        ("*/*", "application/x-ndjson", '{"word": "0"}\n{"word": "1"}\n'),
        (
            "text/event-stream",
            "text/event-stream",
            EVENTS,
        ),
        ("application/json", "application/json", '[{"word":"0"},{"word":"1"}]'),
        (
            "application/json;q=0.5, text/event-stream",
            "text/event-stream",
            EVENTS,
        ),
        ("text/event-stream;q=0", "application/x-ndjson", '{"word": "0"}\n{"word": "1"}\n'),
    ],
)
async def test_the_client_says_in_which_form(
    bench: Bench, serve: Serve, accept: str, media_type: str, text: str
) -> None:
    bench.release(TALKERS, "act:Coroutine")

    async with serve() as served:
        response, heard = await hear(served, {"words": 2}, accept=accept)

    assert (response.media_type, heard) == (media_type, text)


@EACH
@pytest.mark.parametrize(
    ("then", "code"), [("raise", "action_failed"), ("misspeak", "invalid_result")]
)
async def test_what_goes_wrong_later_is_told_last(
    bench: Bench, serve: Serve, kind: str, then: str, code: str
) -> None:
    bench.release(TALKERS, f"act:{kind}")

    async with serve() as served:
        _, lines = await hear(served, {"then": then})
        _, events = await hear(served, {"then": then}, accept="text/event-stream")
        together, text = await hear(served, {"then": then}, accept="application/json")
        served.replica.check_health()  # when it tells
        (told,) = read_reports(bench.shelf.replicas("one"))

    *parts, last = map(json.loads, lines.splitlines())
    assert parts == [{"word": "0"}, {"word": "1"}]
    assert (last["problem"]["code"], last["problem"]["status"]) == (code, 500)
    *_, event, _ = events.split("\n\n")
    assert event.startswith("event: problem\ndata: ")
    assert (together.status_code, json.loads(text)["code"]) == (500, code)
    assert (told.answered, told.failed) == (3, 3)


async def test_what_goes_wrong_at_once_has_its_own_status(bench: Bench, serve: Serve) -> None:
    bench.release(TALKERS, "act:Refusing")

    async with serve() as served:
        status, document = await served.ask({})
        unfit, _ = await served.ask({"words": "many"})

    assert (status, document["code"]) == (500, "action_failed")
    assert "not today" in document["detail"]
    assert unfit == 422


async def test_a_process_that_dies_within_an_answer_is_told(bench: Bench, serve: Serve) -> None:
    bench.release(TALKERS, "act:Threaded")

    async with serve() as served:
        _, text = await hear(served, {"then": "die"})
        again, _ = await hear(served, {})

    assert json.loads(text.splitlines()[-1])["problem"]["code"] == "worker_lost"
    assert again.status_code == 200


async def test_a_part_that_takes_too_long_is_told_and_holds_up_no_other(
    bench: Bench, serve: Serve
) -> None:
    bench.release(TALKERS, "act:Threaded", timeout_s=0.5)

    async with serve() as served:
        (before,) = read_reports(bench.shelf.replicas("one"))
        _, text = await hear(served, {"then": "stall"})
        await until(lambda: read_reports(bench.shelf.replicas("one"))[0].pid != before.pid)
        again, _ = await hear(served, {})

    assert json.loads(text.splitlines()[-1])["problem"]["code"] == "run_timeout"
    assert again.status_code == 200


async def test_one_action_answers_in_parts_or_whole(bench: Bench, serve: Serve) -> None:
    bench.release(TALKERS, "act:Threaded")

    async with serve() as served:
        assert await served.ask({"whole": True}) == (200, {"word": "all"})
        told = (await served.ask(method="GET"))[1]

    assert set(told["item"]["properties"]) == {"word"}


async def test_an_update_lets_parts_be_taken_to_their_end(bench: Bench, serve: Serve) -> None:
    bench.release(TALKERS, "act:Coroutine", timeout_s=30.0)

    async with serve() as served:
        signal = bench.folder / "go-on"
        client = Client(served, {"words": 2, "wait_for": str(signal)})
        talking = asyncio.create_task(client.talk())
        await until(lambda: "Release 1 is ready" in bench.log())
        bench.release(TALKERS, "act:Coroutine")
        await until(lambda: "Release 2 is ready" in bench.log())
        (told,) = read_reports(bench.shelf.replicas("one"))
        signal.touch()
        await talking

    assert [json.loads(line)["word"] for line in client.text.splitlines()] == ["0", "1"]
    assert not psutil.pid_exists(told.pid)


async def test_a_model_is_held_until_the_last_part(bench: Bench, serve: Serve) -> None:
    bench.release(TALKERS, "act:Threaded", models=2, concurrency=2)

    async with serve() as served:
        signal = bench.folder / "go-on"
        body = {"words": 2, "wait_for": str(signal)}
        async with interrupted(served, body, serve_multiplexed_model_id="small"):
            served.replica.unload("small")
            await served.ask({"whole": True})
            assert "let go of small" not in bench.log()
        signal.touch()
        await until(lambda: "let go of small" in bench.log())

    assert "left off in small" in bench.log()

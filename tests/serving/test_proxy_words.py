"""What Ray Serve's proxy says in plain text reaches clients as a problem."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from synapse_core.executors.ray.driver.settings import SERVE_VARIABLES
from synapse_core.serving.proxy import SpeakProblems, middlewares

pytestmark = pytest.mark.anyio

Say = Callable[[Scope, Receive, Send], Awaitable[None]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def ask(proxy: ASGIApp, path: str = "/flowers") -> tuple[int, dict[str, str], bytes]:
    messages: list[Any] = []

    async def receive() -> Any:  # noqa: ANN401 - of ASGI
        return await asyncio.Event().wait()  # the client does not leave

    async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
        messages.append(message)

    await SpeakProblems(proxy)(
        {"type": "http", "path": path, "method": "GET", "headers": []}, receive, send
    )
    headers = {key.decode(): value.decode() for key, value in messages[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return messages[0]["status"], headers, body


async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """As Serve does when the replica of a request dies."""


@pytest.mark.parametrize(
    ("proxy", "status", "code", "detail"),
    [
        (PlainTextResponse("Path '/flowers' not found.", 404), 404, "not_found", "'/flowers'"),
        (PlainTextResponse("dropped due to backpressure", 503), 503, "rate_limited", "waiting"),
        (PlainTextResponse("unavailable", 503), 503, "worker_lost", "has ended"),
        (PlainTextResponse("timed out", 408), 408, "run_timeout", "too long"),
        (StreamingResponse(iter(["od", "d"]), 500, media_type="text/plain"), 500, "", "odd"),
        (nothing, 503, "worker_lost", "has ended"),
    ],
)
async def test_an_error_in_plain_text_becomes_a_problem(
    proxy: Say, status: int, code: str, detail: str
) -> None:
    got, headers, body = await ask(proxy)

    told = json.loads(body)
    assert (got, headers["content-type"]) == (status, "application/problem+json")
    assert int(headers["content-length"]) == len(body)
    assert ("retry-after" in headers) == (status == 503)
    assert detail in told["detail"]
    assert told["code"] == (code or "synapse_error")


@pytest.mark.parametrize(
    ("proxy", "path"),
    [
        (PlainTextResponse("fine"), "/flowers"),
        (Response(b'{"code": "x"}', 404, media_type="application/problem+json"), "/flowers"),
        (PlainTextResponse("unhealthy", 503), "/-/healthz"),
    ],
)
async def test_all_else_is_passed_on_as_it_is(proxy: Response, path: str) -> None:
    status, headers, body = await ask(proxy, path)

    assert (status, body) == (proxy.status_code, proxy.body)
    assert headers["content-type"].startswith(str(proxy.media_type))


def test_serve_is_given_what_it_asks_for() -> None:
    module, _, name = SERVE_VARIABLES["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"].partition(":")

    assert getattr(import_module(module), name) is middlewares
    assert [middleware.cls for middleware in middlewares()] == [SpeakProblems]

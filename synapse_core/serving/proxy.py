"""What Ray Serve's own proxy has to say, told as problems like all else that deployments say.

It is used on the cluster of this machine only: Serve finds `middlewares` by a variable of the
processes that Ray starts, and those of other clusters were started by somebody else.
"""

import json
from collections.abc import MutableMapping
from typing import Any

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from synapse_core.errors import (
    NotFoundError,
    RateLimitedError,
    RunTimeoutError,
    SynapseError,
    WorkerLostError,
)
from synapse_core.serving.problems import PROBLEM_TYPE, problem_document

__all__ = ["SpeakProblems", "middlewares"]

_OWN_PATHS = "/-/"
"""Serve's own: whoever asks for these expects its words."""

_FIRST_ERROR = 400

_Message = MutableMapping[str, Any]


def middlewares() -> list[Middleware]:
    """Return what Serve shall put around its proxy."""
    return [Middleware(SpeakProblems)]


class SpeakProblems:
    """Makes problems of errors in plain text, which replicas never send.

    Args:
        app: Serve's proxy.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request be answered."""
        if scope["type"] != "http" or scope["path"].startswith(_OWN_PATHS):
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope["path"], send)
        await self._app(scope, receive, answer.take)
        await answer.end()


class _Answer:
    """One answer on its way to the client."""

    def __init__(self, path: str, send: Send) -> None:
        self._path = path
        self._send = send
        self._has_begun = False
        self._kept: _Message | None = None
        self._text = b""

    async def take(self, message: _Message) -> None:
        """Pass a message on, or keep it until the whole error is known."""
        if message["type"] == "http.response.start":
            self._has_begun = True
            if _is_plain_error(message):
                self._kept = message
                return
        elif self._kept is not None:
            self._text += message.get("body", b"")
            if not message.get("more_body", False):
                await self._tell(self._kept)
            return
        await self._send(message)

    async def end(self) -> None:
        """Tell the client of an answer that never began; Serve says nothing then."""
        if not self._has_begun:
            await self._tell({"status": 503, "headers": []})

    async def _tell(self, start: _Message) -> None:
        status = int(start["status"])
        error = _explain(status, self._text.decode("utf-8", "replace"), self._path)
        body = json.dumps(problem_document(error, status), ensure_ascii=False).encode()
        dropped = {b"content-type", b"content-length", b"transfer-encoding", b"retry-after"}
        headers = [(key, value) for key, value in start["headers"] if key.lower() not in dropped]
        headers += [
            (b"content-type", PROBLEM_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        if status == 503:  # noqa: PLR2004 - as HTTP says it
            headers.append((b"retry-after", b"1"))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _is_plain_error(start: _Message) -> bool:
    kinds = [value for key, value in start["headers"] if key.lower() == b"content-type"]
    is_plain = not kinds or kinds[0].startswith(b"text/plain")
    return int(start["status"]) >= _FIRST_ERROR and is_plain


def _explain(status: int, text: str, path: str) -> SynapseError:
    match status:
        case 404:
            return NotFoundError(
                f"Nothing is deployed at {path[:100]!r}.",
                hint="`synapse deployment list` tells the addresses.",
            )
        case 408:
            return RunTimeoutError(
                "Ray Serve waited too long for the answer.", hint="Send less at once."
            )
        case 503 if "backpressure" in text:
            return RateLimitedError(
                "Too many requests are waiting.",
                hint="Try again in a moment; more replicas or a longer `serve.queue` take more.",
            )
        case 503:
            return WorkerLostError(
                "The replica that had the request has ended.", hint="Try again in a moment."
            )
        case _:
            return SynapseError(text.strip()[:300] or "Ray Serve failed.")

"""A stream of server-sent events, whatever is sent in it."""

import asyncio
import json
import logging
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.responses import Response

from synapse_core.errors import StoreUnavailableError, SynapseError
from synapse_core.service.desk import Desk
from synapse_core.service.problems import problem_document

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["SentStream"]

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]

_log = logging.getLogger(__name__)

_RETRY = b"retry: 1000\n\n"
_BEAT = b": still here\n\n"
_END = b"event: end\ndata: {}\n\n"


class SentStream(Response, ABC):
    """An answer that goes on until all is said, or the follower has left.

    A follower that reads slowly is sent more only when it has read what it was sent; one that does
    not read at all is left after a time.

    Args:
        desk: The service.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(media_type="text/event-stream")
        self._desk = desk

    @abstractmethod
    async def speak(self, send: "Send") -> bool:
        """Send the stream with `say`; whether all was said, so that nobody need come back."""

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:  # noqa: ARG002 - the form of ASGI
        """Send the stream."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        self._desk.metrics.followers += 1
        speaking = asyncio.create_task(self._speak(send))
        leaving = asyncio.create_task(_until_left(receive))
        try:
            await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._desk.metrics.followers -= 1
            for task in (speaking, leaving):
                task.cancel()
                with suppress(asyncio.CancelledError, OSError, TimeoutError):
                    await task

    async def say(self, send: "Send", text: bytes) -> None:
        """Send some of the stream, when the follower has room for it."""
        if text:
            async with asyncio.timeout(self._desk.limits.send_timeout_s):
                await send({"type": "http.response.body", "body": text, "more_body": True})

    async def beat(self, send: "Send") -> None:
        """Say that the stream is still there."""
        await self.say(send, _BEAT)

    async def _speak(self, send: "Send") -> None:
        await self.say(send, _RETRY)
        try:
            if await self.speak(send):
                await self.say(send, _END)
        except StoreUnavailableError:
            # It passes: whoever finds the stream cut off comes back.
            _log.warning("A stream was cut off", exc_info=True)
        except SynapseError as error:
            problem = json.dumps(problem_document(error), default=str)
            await self.say(send, f"event: problem\ndata: {problem}\n\n".encode())
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_left(receive: "Receive") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

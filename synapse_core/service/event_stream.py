"""The stream of a run's events, as server-sent events."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import Response

from synapse_core.errors import JournalError
from synapse_core.model.event import EventKind
from synapse_core.service.desk import Desk
from synapse_core.service.following import Channel, Frame
from synapse_core.service.problems import problem_document

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["EventStream"]

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]

_LOOK_S = 0.25

_BEAT = b": still here\n\n"
_END = b"event: end\ndata: {}\n\n"


class EventStream(Response):
    """An answer that goes on until the run has ended, or the follower has left.

    A follower that reads slowly is sent more only when it has read what it was sent; one that does
    not read at all is left after a time.

    Args:
        desk: The service.
        run_id: The run.
        position: Byte position in the journal to begin at.
        kinds: Only these events; None for all.
        is_over: Whether the run has ended, so that nothing may come any more.
    """

    def __init__(
        self,
        desk: Desk,
        run_id: str,
        position: int,
        kinds: frozenset[EventKind] | None,
        *,
        is_over: bool,
    ) -> None:
        super().__init__(media_type="text/event-stream")
        self._desk = desk
        self._run_id = run_id
        self._position = position
        self._kinds = kinds
        self._is_over = is_over

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:  # noqa: ARG002 - the form of ASGI
        """Send the stream."""
        async with self._desk.following.join(self._run_id) as channel:
            if self._is_over:
                self._desk.following.note_over(self._run_id)
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            self._desk.metrics.followers += 1
            speaking = asyncio.create_task(self._speak(channel, send))
            leaving = asyncio.create_task(_until_left(receive))
            try:
                await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._desk.metrics.followers -= 1
                for task in (speaking, leaving):
                    task.cancel()
                    with suppress(asyncio.CancelledError, OSError, TimeoutError):
                        await task

    async def _speak(self, channel: Channel, send: "Send") -> None:
        await self._send(send, b"retry: 1000\n\n")
        while not self._desk.following.is_closing:
            try:
                frames, self._position = await channel.read(self._position)
            except JournalError as error:
                problem = json.dumps(problem_document(error), default=str)
                await self._send(send, f"event: problem\ndata: {problem}\n\n".encode())
                break
            if frames:
                await self._send(send, self._wanted(frames))
                if frames[-1].is_last:
                    await self._until_settled(channel)
                    await self._send(send, _END)
                    break
            elif channel.is_over:
                await self._send(send, _END)
                break
            else:
                heartbeat_s = self._desk.limits.heartbeat_s
                if not await channel.wait(self._position, heartbeat_s):
                    await self._send(send, _BEAT)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _until_settled(self, channel: Channel) -> None:
        """Wait until the store says what the journal does, so that a look at the run agrees.

        The two writes follow each other within milliseconds; where the second never came, the
        upkeep makes it.
        """
        pause_s = 0.001
        while not channel.is_over and not self._desk.following.is_closing:
            run = await self._desk.blocking(partial(self._desk.workspace.runs.get, self._run_id))
            if run.status.is_terminal:
                self._desk.following.note_over(self._run_id)
            else:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LOOK_S)

    def _wanted(self, frames: Sequence[Frame]) -> bytes:
        kinds = self._kinds
        texts = [frame.text for frame in frames if kinds is None or frame.kind in kinds]
        self._desk.metrics.events_sent += len(texts)
        return b"".join(texts)

    async def _send(self, send: "Send", text: bytes) -> None:
        if text:
            async with asyncio.timeout(self._desk.limits.send_timeout_s):
                await send({"type": "http.response.body", "body": text, "more_body": True})


async def _until_left(receive: "Receive") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

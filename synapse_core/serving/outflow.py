"""Answers that are said part by part, in the process that says them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Executor
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass

from synapse_core.types import JSONObject, JSONValue
from synapse_core.workloads.inference import Parts

__all__ = ["Outflow", "Said", "iterate"]

_END = object()


@dataclass(slots=True)
class Said:
    """An answer that is said part by part. To be closed, even if none was taken.

    Attributes:
        parts: Parts with status 200; one with another status is a problem, and the last.
        release: Gives back what is held until then.
    """

    parts: AsyncGenerator[tuple[int, JSONValue]]
    release: Callable[[], Awaitable[None]]

    async def close(self) -> None:
        """Say no more of it."""
        try:
            await self.parts.aclose()
        finally:
            await self.release()


class Outflow:
    """Sends the parts of one answer, as many ahead as the replica has room for.

    Args:
        key: By which both sides know it.
        said: The parts.
        send: Sends a frame.
        forget: Called at its end.
    """

    def __init__(
        self,
        key: JSONObject,
        said: Said,
        send: Callable[[JSONObject], None],
        forget: Callable[[], object],
    ) -> None:
        self._key = key
        self._said = said
        self._send = send
        self._forget = forget
        self._room = asyncio.Semaphore(0)
        self._task: asyncio.Task[None] | None = None

    def make_room(self, parts: int) -> None:
        """Let so many more parts be sent; the first call begins."""
        for _ in range(parts):
            self._room.release()
        if self._task is None:
            self._task = asyncio.ensure_future(self._flow())

    async def stop(self) -> None:
        """End it before its end; returns once whoever says it has cleaned up."""
        if self._task is None:
            await self._said.close()
            return
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _flow(self) -> None:
        problem: JSONValue = None
        try:
            await self._room.acquire()
            async for status, document in self._said.parts:
                if status != 200:  # noqa: PLR2004 - as HTTP says it
                    problem = [status, document]
                    break
                self._send({"op": "part", **self._key, "part": document})
                await self._room.acquire()
        finally:
            self._forget()
            await self._said.close()
        self._send({"op": "end", **self._key, "problem": problem})


async def iterate(source: Parts, threads: Executor) -> AsyncGenerator[object]:
    """Yield what the source yields, and close it at the end.

    Args:
        source: Whatever an action has returned to be iterated.
        threads: Where a source is asked that is not `async`.
    """
    if isinstance(source, AsyncIterator):
        try:
            async for part in source:
                yield part
        finally:
            await _close(source)
        return
    loop = asyncio.get_running_loop()
    context = copy_context()  # one for all steps: a generator keeps its variables between them
    asking: asyncio.Future[object] | None = None
    try:
        while True:
            asking = loop.run_in_executor(threads, _ask, context, source)
            part = await asyncio.shield(asking)
            if part is _END:
                return
            yield part
    finally:
        if asking is not None and not asking.done():
            await asyncio.wait([asking])  # it cannot be closed while it runs
        await loop.run_in_executor(threads, _close_asked, context, source)


async def _close(source: AsyncIterator[object]) -> None:
    close = getattr(source, "aclose", None)
    if close is not None:
        await close()


def _ask(context: Context, source: Iterator[object]) -> object:
    return context.run(next, source, _END)


def _close_asked(context: Context, source: Iterator[object]) -> None:
    close = getattr(source, "close", None)
    if close is not None:
        with suppress(ValueError):  # it runs in another thread of its own
            context.run(close)

"""The client's frames and ours, read and written on the event loop itself.

The SDK's own transport hands each line to a thread and back, three times for a call; that costs
more than the call. Nothing here blocks: a descriptor is touched only when it is ready, and only
with as much as it is sure to take.
"""

import logging
import os
import select
from types import TracebackType
from typing import Self

import anyio
import anyio.lowlevel
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

from synapse_mcp.front.receptionist import Handover

__all__ = ["MAX_FRAME_BYTES", "MAX_UNREAD_BYTES", "FramesIn", "FramesOut"]

_LOGGER = logging.getLogger(__name__)

MAX_FRAME_BYTES = 1 << 26
"""Longer frames of a client are dropped; one that never ends must not take all memory."""

MAX_UNREAD_BYTES = 1 << 20
"""What a client may leave unread before no more of it is read. Whoever writes many requests before
it reads the first answer shall not have to wait for itself, so it is not little."""

_CHUNK_BYTES = 1 << 16
_FAREWELL_S = 2.0
"""How long a client that has closed its end may take to read what is left for it."""


class FramesOut:
    """Sends frames, each of them whole, in the order in which they are given.

    `pump` has to run beside it. It sends what a client that reads slowly leaves for later, also
    when whoever gave the frame is not there any more.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        self._backlog = bytearray()
        self._is_broken = False
        self._stuck = anyio.Event()
        self._drained = anyio.Event()

    async def send(self, item: SessionMessage, /) -> None:
        """Send a frame; return when the client's end has taken it.

        Raises:
            BrokenResourceError: The client does not read any more.
        """
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        is_first = not self._backlog
        self._backlog += text.encode() + b"\n"
        if is_first:
            self._write_what_fits()
        if self._backlog and not self._is_broken:
            await self._wait_drained()
        if self._is_broken:
            raise anyio.BrokenResourceError

    async def wait_for_reader(self) -> None:
        """Return at once, unless the client leaves too much unread."""
        while len(self._backlog) > MAX_UNREAD_BYTES and not self._is_broken:
            await self._drained.wait()

    async def pump(self) -> None:
        """Send what waits, until cancelled.

        Raises:
            BrokenPipeError: The client does not read any more.
        """
        while not self._is_broken:
            await self._stuck.wait()
            while self._backlog and not self._is_broken:
                await anyio.wait_writable(self._fd)
                self._write_what_fits()
            self._drained.set()
            self._stuck, self._drained = anyio.Event(), anyio.Event()
        raise BrokenPipeError

    async def aclose(self) -> None:
        """Wait a little until the client has read everything."""
        if self._backlog and not self._is_broken:
            with anyio.move_on_after(_FAREWELL_S, shield=True):
                await self._wait_drained()

    async def _wait_drained(self) -> None:
        self._stuck.set()
        await self._drained.wait()

    def _write_what_fits(self) -> None:
        sent = 0
        try:
            # Ready means that so much can be written without waiting.
            while sent < len(self._backlog) and self._poll.poll(0):
                sent += os.write(self._fd, self._backlog[sent : sent + select.PIPE_BUF])
        except BrokenPipeError:
            self._is_broken = True
            self._stuck.set()
        del self._backlog[:sent]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.aclose()


class FramesIn:
    """The frames that the front left, then those on the wire.

    Args:
        handover: What the front left.
        fd: Descriptor of the client's frames.
        out: The way back. A client that does not read it is not listened to either.
        max_bytes: Longer frames are dropped.
    """

    def __init__(
        self, handover: Handover, fd: int, out: FramesOut, *, max_bytes: int = MAX_FRAME_BYTES
    ) -> None:
        self._fd = fd
        self._out = out
        self._unread = bytearray(handover.frames)
        self._searched = 0
        self._max_bytes = max_bytes
        self._is_closed = handover.is_closed
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)

    async def receive(self) -> SessionMessage | Exception:
        """Return the next frame, or what is wrong with it.

        Raises:
            EndOfStream: The client has closed its end.
        """
        await self._out.wait_for_reader()
        line = await self._next_line()
        try:
            return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
        except ValueError as error:
            return error

    async def _next_line(self) -> str:
        while True:
            end = self._unread.find(b"\n", self._searched)
            if end < 0 and self._is_closed:
                end = len(self._unread)
                if not end:
                    raise anyio.EndOfStream
            if end >= 0:
                line = bytes(self._unread[:end])
                del self._unread[: end + 1]
                self._searched = 0
                if line.strip():
                    return line.decode("utf-8", "replace")
                continue
            self._searched = len(self._unread)
            await self._fill()

    async def _fill(self) -> None:
        if len(self._unread) > self._max_bytes:
            # Its end will pass for a frame of its own, and be refused as one that is no JSON.
            _LOGGER.warning("Dropped a frame of more than %s bytes", self._max_bytes)
            self._unread.clear()
            self._searched = 0
        if self._poll.poll(0):
            await anyio.lowlevel.checkpoint()
        else:
            await anyio.wait_readable(self._fd)
        chunk = os.read(self._fd, _CHUNK_BYTES)
        self._unread += chunk
        self._is_closed = not chunk

    async def aclose(self) -> None:
        """Read no more; the descriptor stays open."""
        self._is_closed = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.aclose()

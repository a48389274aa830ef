"""The stream of a run's events, as server-sent events."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from synapse_core.model.event import EventKind
from synapse_core.service.desk import Desk
from synapse_core.service.following import Channel, Frame
from synapse_core.service.sent_stream import SentStream

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["EventStream"]

_LOOK_S = 0.25


class EventStream(SentStream):
    """The events of a run, until it has ended.

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
        super().__init__(desk)
        self._run_id = run_id
        self._position = position
        self._kinds = kinds
        self._is_over = is_over
        self._channel: Channel | None = None

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Send the stream."""
        # Before the answer begins: a journal that cannot be followed is an error of its own.
        async with self._desk.following.join(self._run_id) as self._channel:
            if self._is_over:
                self._desk.following.note_over(self._run_id)
            await super().__call__(scope, receive, send)

    async def speak(self, send: "Send") -> bool:
        """Send event after event; whether the run has ended."""
        channel = self._channel
        while channel is not None and not self._desk.following.is_closing:
            frames, self._position = await channel.read(self._position)
            if frames:
                await self.say(send, self._wanted(frames))
                if frames[-1].is_last:
                    await self._until_settled(channel)
                    return True
            elif channel.is_over:
                return True
            elif not await channel.wait(self._position, self._desk.limits.heartbeat_s):
                await self.beat(send)
        return False

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

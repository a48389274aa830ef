"""Brings to all who follow a pipeline run how it stands.

However many follow it, one task looks at it. What is told is a state, not a log: a follower that is
slow misses states in between, and nobody waits for it.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from synapse_core.errors import SynapseError
from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.service.following import Channel, Following

__all__ = ["ProgressFeed", "ProgressFeeds", "ToldProgress"]

_LOOK_S = 0.5
"""Between two looks at the progress of nodes, whose reports wake nobody who watches the whole."""

_REST = 2.0
"""Looking takes a third of the time at most, however many nodes there are to look at."""

_LEAST_REST_S = 0.05


@dataclass(frozen=True, slots=True)
class ToldProgress:
    """One state.

    Attributes:
        id: Tells it from other states.
        text: The state as JSON, in one line.
        is_last: Whether the run has ended.
    """

    id: str
    text: str
    is_last: bool

    @classmethod
    def of(cls, progress: PipelineProgress) -> "ToldProgress":
        """Return the state of a run."""
        # Not by pydantic, which cannot write a message that is no text.
        text = json.dumps(progress.model_dump(mode="json"), separators=(",", ":"))
        digest = hashlib.sha256(text.encode("ascii")).hexdigest()[:16]
        return cls(digest, text, progress.status.is_terminal)


class ProgressFeed:
    """How one run stands. Used by the event loop only."""

    def __init__(self) -> None:
        self.followers = 0
        self.latest: ToldProgress | None = None
        self.fault: SynapseError | None = None
        self.is_over = False
        """Whether nothing more will come."""
        self._changed = asyncio.Event()

    async def next(self, seen: str | None, timeout_s: float) -> ToldProgress | None:
        """Return how it stands when that is not what was seen; None when nothing has changed.

        Raises:
            SynapseError: It cannot be looked at.
        """
        changed = self._changed
        if self._is_known(seen) and not self.is_over:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await changed.wait()
        if self.fault is not None:
            raise self.fault
        return None if self._is_known(seen) else self.latest

    def _is_known(self, seen: str | None) -> bool:
        return self.latest is None or self.latest.id == seen

    def wake(self) -> None:
        """Have all who wait look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class ProgressFeeds:
    """Holds a feed for each pipeline run that is followed. Used by the event loop only.

    Args:
        following: Wakes when a run has said something.
    """

    def __init__(self, following: Following) -> None:
        self._following = following
        self._feeds: dict[str, tuple[ProgressFeed, asyncio.Task[None]]] = {}

    @asynccontextmanager
    async def join(
        self, run_id: str, look: Callable[[], Awaitable[PipelineProgress]]
    ) -> AsyncGenerator[ProgressFeed]:
        """Lend the feed of the run.

        Args:
            run_id: The run.
            look: Finds out how it stands.
        """
        known = self._feeds.get(run_id)
        if known is None:
            feed = ProgressFeed()
            known = feed, asyncio.create_task(self._watch(run_id, feed, look))
            self._feeds[run_id] = known
        feed, watching = known
        feed.followers += 1
        try:
            yield feed
        finally:
            feed.followers -= 1
            if feed.followers == 0:
                self._feeds.pop(run_id, None)
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching

    async def _watch(
        self, run_id: str, feed: ProgressFeed, look: Callable[[], Awaitable[PipelineProgress]]
    ) -> None:
        try:
            async with self._following.join(run_id) as channel:
                await self._look_again_and_again(channel, feed, look)
        except SynapseError as error:
            feed.fault = error
        finally:
            feed.is_over = True
            feed.wake()

    async def _look_again_and_again(
        self,
        channel: Channel,
        feed: ProgressFeed,
        look: Callable[[], Awaitable[PipelineProgress]],
    ) -> None:
        while not self._following.is_closing:
            # The place first: what is written while the state is read is looked at again.
            place, started = channel.end, time.monotonic()
            told = ToldProgress.of(await look())
            if feed.latest is None or told.id != feed.latest.id:
                feed.latest = told
                feed.wake()
            if told.is_last:
                return
            await asyncio.sleep(max(_LEAST_REST_S, _REST * (time.monotonic() - started)))
            await channel.wait(place, _LOOK_S)

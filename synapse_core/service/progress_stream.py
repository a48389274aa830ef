"""How a pipeline run stands, as server-sent events."""

from functools import partial
from typing import TYPE_CHECKING

from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.operations.pipelines.verbs import get_progress
from synapse_core.service.desk import Desk
from synapse_core.service.sent_stream import SentStream

if TYPE_CHECKING:
    from starlette.types import Send

__all__ = ["ProgressStream"]


class ProgressStream(SentStream):
    """The state of a pipeline run, whenever it has changed, until the run has ended.

    Args:
        desk: The service.
        run_id: The run.
        seen: Id of the state that the follower knows; None for none.
    """

    def __init__(self, desk: Desk, run_id: str, seen: str | None) -> None:
        super().__init__(desk)
        self._run_id = run_id
        self._seen = seen

    async def speak(self, send: "Send") -> bool:
        """Send state after state; whether the run has ended."""
        desk, heartbeat_s = self._desk, self._desk.limits.heartbeat_s
        async with desk.progress.join(self._run_id, self._look) as feed:
            while not desk.following.is_closing:
                told = await feed.next(self._seen, heartbeat_s)
                if told is not None:
                    self._seen = told.id
                    text = f"id: {told.id}\nevent: progress\ndata: {told.text}\n\n"
                    await self.say(send, text.encode("ascii"))
                    desk.metrics.events_sent += 1
                elif feed.is_over:
                    return feed.latest is not None and feed.latest.is_last
                else:
                    await self.beat(send)
        return False

    async def _look(self) -> PipelineProgress:
        return await self._desk.blocking(partial(get_progress, self._desk.workspace, self._run_id))

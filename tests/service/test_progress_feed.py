"""Many who follow one pipeline run share one look at it."""

import asyncio
from pathlib import Path

import pytest

from synapse_core.config.home import Home
from synapse_core.errors import RunNotFoundError
from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.model.run import RunStatus
from synapse_core.service.following import Following
from synapse_core.service.progress_feed import ProgressFeeds

RUN = "20260101-000000-00000001"


class Looker:
    """Tells one state after the other, each time it is asked."""

    def __init__(self, states: int) -> None:
        self.looks = 0
        self._states = states

    async def look(self) -> PipelineProgress:
        self.looks += 1
        is_last = self.looks >= self._states
        return PipelineProgress(
            run_id=RUN,
            pipeline_id="p",
            status=RunStatus.SUCCEEDED if is_last else RunStatus.RUNNING,
            error=None if is_last else f"\udc80{self.looks}",
        )


async def follow(feeds: ProgressFeeds, looker: Looker, reads: list[str]) -> None:
    async with feeds.join(RUN, looker.look) as feed:
        seen = None
        while True:
            told = await feed.next(seen, 5)
            if told is not None:
                seen = told.id
                reads.append(told.text)
                if told.is_last:
                    return


def test_one_look_serves_all(tmp_path: Path) -> None:
    async def main() -> None:
        following = Following(Home(tmp_path))
        following.open()
        feeds, looker = ProgressFeeds(following), Looker(3)
        reads: list[list[str]] = [[] for _ in range(50)]
        async with asyncio.TaskGroup() as group:
            for own in reads:
                group.create_task(follow(feeds, looker, own))
        following.close()
        assert looker.looks == 3
        assert all(len(own) == 3 and own[-1] == reads[0][-1] for own in reads)

    asyncio.run(main())


def test_who_reads_nothing_keeps_nobody_waiting(tmp_path: Path) -> None:
    async def main() -> None:
        following = Following(Home(tmp_path))
        following.open()
        feeds, looker, reads = ProgressFeeds(following), Looker(3), list[str]()
        async with feeds.join(RUN, looker.look) as lazy:
            await follow(feeds, looker, reads)
            assert len(reads) == 3
            last = await lazy.next(None, 5)
            assert last is not None
            assert last.is_last
        following.close()

    asyncio.run(main())


def test_what_goes_wrong_is_told_to_all(tmp_path: Path) -> None:
    async def look() -> PipelineProgress:
        raise RunNotFoundError(RUN)

    async def main() -> None:
        following = Following(Home(tmp_path))
        following.open()
        feeds = ProgressFeeds(following)
        async with feeds.join(RUN, look) as one, feeds.join(RUN, look) as other:
            for feed in (one, other):
                with pytest.raises(RunNotFoundError):
                    await feed.next(None, 5)
        following.close()

    asyncio.run(main())

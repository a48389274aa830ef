"""However a wire to a service fails: what is asked for is done once, and all of it is heard."""

import random
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

import pytest

from synapse_core.clients.sync_service import PipelineServiceClient
from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.model.run import Run, RunFilter, RunStatus
from synapse_core.service.limits import Limits
from synapse_core.testing.service import RUN_TOKEN, serving
from synapse_core.workspace import Workspace
from tests.faults.marked import (
    KEYS,
    PATIENCE_S,
    check_whole,
    count_executions,
    kill_one,
    list_made,
    seeds,
)
from tests.faults.wire import disturbed, wired

_LIMITS = Limits(heartbeat_s=0.2)
_MOST_KILLS = 3


@pytest.mark.parametrize("seed", seeds(4))
def test_a_pipeline_is_started_and_followed_over_a_wire_that_fails(
    workspace: Workspace, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    told: list[PipelineProgress] = []
    is_killing, kills = seed % 2 == 1, 0
    with (
        serving(workspace, limits=_LIMITS) as url,
        wired(url) as (wire, near),
        PipelineServiceClient(near, RUN_TOKEN, patience_s=PATIENCE_S) as client,
        disturbed(wire, random.Random(seed)) as faults,  # noqa: S311 - chance, no secret
        ThreadPoolExecutor() as threads,
    ):
        run = client.start_pipeline("marks", "marked", idempotency_key=f"start-{seed}")
        heard = [threads.submit(hear, client, run.id) for _ in range(2)]
        for progress in client.stream_progress(run.id):
            told.append(progress)
            if is_killing and kills < _MOST_KILLS:
                kills += kill_one(workspace, run.id, chance)
        ended = client.wait_run(run.id)
        check_heard(workspace, run.id, heard)

    assert faults
    assert ended.status is RunStatus.SUCCEEDED
    check_told(told, RunStatus.SUCCEEDED)
    assert [one.id for one in workspace.runs.list(RunFilter()).items] == [run.id]
    check_whole(workspace, run.id)
    if not is_killing:
        assert set(count_executions(workspace, run.id).values()) == {1}


@pytest.mark.parametrize("seed", seeds(2, of_each=2))
def test_a_pipeline_is_cancelled_and_resumed_over_a_wire_that_fails(
    workspace: Workspace, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    with (
        serving(workspace, limits=_LIMITS) as url,
        wired(url) as (wire, near),
        PipelineServiceClient(near, RUN_TOKEN, patience_s=PATIENCE_S) as client,
        disturbed(wire, random.Random(seed)) as faults,  # noqa: S311 - chance, no secret
        ThreadPoolExecutor() as threads,
    ):
        first = client.start_pipeline("marks", "marked", idempotency_key=f"first-{seed}")
        heard = threads.submit(hear, client, first.id)
        cancel_somewhere(client, first, chance)
        ended = client.wait_run(first.id)
        check_heard(workspace, first.id, [heard])
        second = client.start_pipeline(
            "marks", "marked", resume_from=first.id, idempotency_key=f"second-{seed}"
        )
        told = list(client.stream_progress(second.id))

    assert faults
    assert ended.status in {RunStatus.CANCELLED, RunStatus.SUCCEEDED}
    check_told(told, RunStatus.SUCCEEDED)
    check_whole(workspace, second.id)
    done = {node.node for node in made(workspace, first) if node.status is RunStatus.SUCCEEDED}
    skipped = {node.node for node in made(workspace, second) if node.status is RunStatus.SKIPPED}
    assert done == skipped
    ids = {one.id for one in workspace.runs.list(RunFilter()).items}
    assert ids == {first.id, second.id}


def hear(client: PipelineServiceClient, run_id: str) -> list[int]:
    """Return the numbers of the events of a run, as they came."""
    return [event.seq for event, _ in client.stream_events(run_id)]


def check_heard(workspace: Workspace, run_id: str, heard: list[Future[list[int]]]) -> None:
    """Check that each who followed got each event once and in order."""
    written = [one.seq for one in workspace.journals.read(run_id, limit=100_000).items]
    for one in heard:
        assert one.result(PATIENCE_S) == written


def check_told(told: list[PipelineProgress], status: RunStatus) -> None:
    """Check what was told of a run's progress."""
    assert told[-1].status is status
    assert len(told[-1].progress) == len({key.partition("[")[0] for key in KEYS})
    assert all(one != other for one, other in pairwise(told))
    assert [one.status.is_terminal for one in told[:-1]] == [False] * (len(told) - 1)


def cancel_somewhere(client: PipelineServiceClient, run: Run, chance: random.Random) -> None:
    """Cancel a run after some of its changes."""
    moment = chance.randint(1, 6)
    for number, _ in enumerate(client.stream_progress(run.id), 1):
        if number == moment:
            client.cancel_run(run.id, force=chance.random() < 0.3)
            return


def made(workspace: Workspace, run: Run) -> list[Run]:
    return list_made(workspace, run.id)

"""Whatever is killed, and whenever: each node succeeds once, none is lost, and it ends."""

import random
import time

import pytest

from synapse_core.model.run import RunStatus
from synapse_core.operations.pipelines.verbs import StartPipeline, resume_pipeline, start_pipeline
from synapse_core.operations.runs import cancel_run, get_run, wait_run
from synapse_core.workspace import Workspace
from tests.faults.marked import PATIENCE_S, check_whole, kill_one, list_made, seeds


@pytest.mark.parametrize("seed", seeds(5))
def test_a_pipeline_survives_the_death_of_any_of_its_processes(
    workspace: Workspace, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    started = start_pipeline(workspace, StartPipeline(plugin="marks", pipeline="marked"))
    kills = 0
    until = time.monotonic() + PATIENCE_S
    while not get_run(workspace, started.id).status.is_terminal:
        assert time.monotonic() < until
        if kills < 5:
            kills += kill_one(workspace, started.id, chance)
        workspace.journals.wait(started.id, None, timeout_s=0.01)
        wait_run(workspace, started.id, timeout_s=chance.uniform(0.0, 0.15))

    assert kills > 0
    check_whole(workspace, started.id)


@pytest.mark.parametrize("seed", seeds(3, of_each=2))
def test_what_is_cancelled_anywhere_is_resumed_without_doing_anything_twice(
    workspace: Workspace, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    run = start_pipeline(workspace, StartPipeline(plugin="marks", pipeline="marked"))
    succeeded: set[str] = set()
    for _ in range(3):
        wait_run(workspace, run.id, timeout_s=chance.uniform(0.05, 0.5))
        cancel_run(workspace, run.id, force=chance.random() < 0.5, wait_s=PATIENCE_S)
        for node in list_made(workspace, run.id):
            ended = wait_run(workspace, node.id, timeout_s=PATIENCE_S)
            if ended.status is RunStatus.SUCCEEDED:
                assert node.node not in succeeded
                succeeded.add(node.node)
        run = resume_pipeline(workspace, run.id)
    wait_run(workspace, run.id, timeout_s=PATIENCE_S)

    check_whole(workspace, run.id)
    again = [one.node for one in list_made(workspace, run.id) if one.status is RunStatus.SUCCEEDED]
    assert not succeeded & set(again)

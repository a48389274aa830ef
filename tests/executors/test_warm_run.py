"""A run in a process that stays, without the cluster around it."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from synapse_core.config.home import Home
from synapse_core.errors import StoreUnavailableError
from synapse_core.executors.ray.node.turns import Turns
from synapse_core.executors.ray.node.warm_batch import WarmBatches
from synapse_core.executors.ray.node.warm_run import WarmRun
from synapse_core.executors.threaded_run import LEASE_S, Stopper
from synapse_core.model.run import Run, RunEnd, RunKind, RunStatus
from synapse_core.ports import ClaimedRuns
from synapse_core.runs.nodes import Bell
from synapse_core.runs.processes import this_worker
from synapse_core.runs.store.opening import OpenRunStore, open_run_store
from synapse_core.testing.contracts.runs import a_run
from synapse_core.workspace import open_workspace
from tests.waiting import wait_until

SOURCE = """\
from synapse_core import action


@action
def quick(ctx) -> int:
    return 1


@action
def slow(ctx) -> int:
    ctx.sleep(60)
    return 2


@action
def share(ctx) -> str:
    return str(ctx.pipeline.datasets_dir)
"""


def written(folder: Path, action: str, number: int = 0, *, timeout_s: float = 60) -> Run:
    """Return a new run of an action of a plugin, which is written first."""
    plugin = folder / "plugin"
    plugin.mkdir(exist_ok=True)
    (plugin / "staying_actions.py").write_text(SOURCE, encoding="utf-8")
    entrypoint = f"staying_actions:{action}"
    return a_run(number, plugin_path=str(plugin), entrypoint=entrypoint, timeout_s=timeout_s)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OpenRunStore]:
    home = Home(tmp_path / "home")
    home.ensure()
    with contextlib.closing(open_run_store(home)) as store:
        yield store


def await_status(store: OpenRunStore, run: Run, wanted: RunStatus) -> None:
    """Wait until the run stands like that; a thread brings it there."""
    wait_until(lambda: store.get(run.id).status is wanted)


def execute_beside(batches: WarmBatches, runs: list[Run], other: Callable[[], None]) -> None:
    """Execute the runs while something else is done in another thread."""
    with ThreadPoolExecutor(1) as others:
        done = others.submit(other)
        batches.execute([run.id for run in runs])
        done.result()


class Latecomer:
    """Has every attempt stopped when its action has ended, and nobody has been told yet."""

    def __init__(self) -> None:
        self.ends: list[RunEnd] = []
        self._stopper: Stopper | None = None

    def attend(self, run: WarmRun, stopper: Stopper) -> None:
        del run
        self._stopper = stopper

    def leave(self) -> None:
        assert self._stopper is not None
        self._stopper.look()

    def record(self, end: RunEnd) -> None:
        self.ends.append(end)


def test_a_time_limit_met_as_the_action_ends_does_not_kill_the_process_later(
    tmp_path: Path,
) -> None:
    attendant, owner = Latecomer(), str(this_worker())
    with open_workspace(tmp_path / "home", []) as workspace:
        made = workspace.runs.create(written(tmp_path, "quick", timeout_s=1e-9))
        run = workspace.runs.claim(made.id, owner=owner, lease_s=LEASE_S)
        assert run is not None
        WarmRun(
            workspace.home, workspace.runs, run, owner=owner, attendant=attendant
        ).run_to_its_end()

    killers = [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
    are_cancelled = [one.finished.is_set() for one in killers]
    for one in killers:
        one.cancel()
    assert all(are_cancelled)
    assert [end.outcome.status for end in attendant.ends] == [RunStatus.SUCCEEDED]


def test_of_runs_that_came_together_those_that_take_too_long_are_stopped(
    tmp_path: Path, store: OpenRunStore
) -> None:
    made = [
        written(tmp_path, "quick", 1),
        written(tmp_path, "slow", 2, timeout_s=0.2),
        written(tmp_path, "quick", 3),
    ]
    store.many.create(made)
    batches = WarmBatches(Home(tmp_path / "home"), store, store.many)
    batches.execute([run.id for run in made])
    ended = store.many.get([run.id for run in made])

    assert [run.result for run in ended] == [1, None, 1]
    assert ended[1].failure is not None
    assert ended[1].failure.code == "run_timeout"


def test_what_waits_behind_a_run_that_goes_on_is_given_back(
    tmp_path: Path, store: OpenRunStore
) -> None:
    made = [
        written(tmp_path, "slow", 1),
        written(tmp_path, "quick", 2),
        written(tmp_path, "quick", 3),
    ]
    store.many.create(made)
    batches = WarmBatches(Home(tmp_path / "home"), store, store.many)

    def be_another_process() -> None:
        await_status(store, made[0], RunStatus.RUNNING)
        await_status(store, made[1], RunStatus.PENDING)
        assert store.claim(made[1].id, owner="another", lease_s=LEASE_S) is not None
        store.request_cancel(made[0].id)
        batches.look_soon()

    execute_beside(batches, made, be_another_process)

    ended = store.many.get([run.id for run in made])
    assert [run.status for run in ended] == [
        RunStatus.CANCELLED,
        RunStatus.RUNNING,
        RunStatus.SUCCEEDED,
    ]
    assert ended[1].owner == "another"
    assert all(run.attempt == 1 and run.started_at is not None for run in ended)


def test_who_asks_to_stop_a_run_that_waits_does_not_wait_for_those_before_it(
    tmp_path: Path, store: OpenRunStore
) -> None:
    made = [written(tmp_path, "slow", 1), written(tmp_path, "quick", 2)]
    store.many.create(made)
    batches = WarmBatches(Home(tmp_path / "home"), store, store.many)

    def ask_to_stop() -> None:
        await_status(store, made[1], RunStatus.RUNNING)
        store.request_cancel(made[1].id)
        batches.look_soon()
        await_status(store, made[1], RunStatus.CANCELLED)
        assert store.get(made[0].id).status is RunStatus.RUNNING
        store.request_cancel(made[0].id)
        batches.look_soon()

    execute_beside(batches, made, ask_to_stop)

    assert not Home(tmp_path / "home").journal(made[1].id).exists()


class Unreachable:
    """Implements `ClaimedRuns` of a store that is gone once it has granted a claim."""

    def __init__(self, runs: ClaimedRuns) -> None:
        self._runs = runs

    def claim(self, run_ids: Sequence[str], *, owner: str, lease_s: float) -> Sequence[Run]:
        return self._runs.claim(run_ids, owner=owner, lease_s=lease_s)

    def release(self, run_ids: Sequence[str], *, expected_owner: str) -> Sequence[str]:
        raise StoreUnavailableError(f"No {run_ids} of {expected_owner}.", hint="Wait.")

    def finish(self, ends: Sequence[RunEnd], *, owner: str) -> Sequence[Run]:
        raise StoreUnavailableError(f"No {ends} of {owner}.", hint="Wait.")


def test_what_cannot_be_given_back_keeps_its_turn_and_is_not_tried_without_a_pause(
    tmp_path: Path, store: OpenRunStore
) -> None:
    made = [written(tmp_path, "quick", number) for number in range(3)]
    store.many.create(made)
    turns = Turns(Unreachable(store.many), owner="me", at_once=3)
    turns.add(run.id for run in made)
    first = turns.next()
    claimed_at = turns.claimed_at

    with pytest.raises(StoreUnavailableError):
        turns.give_back()

    assert turns.claimed_at > claimed_at
    rest = [turns.next(), turns.next(), turns.next()]
    assert [run and run.id for run in (first, *rest)] == [*(run.id for run in made), None]


def test_a_node_finds_the_folders_of_its_pipeline_whose_owner_hears_of_its_end(
    tmp_path: Path, store: OpenRunStore
) -> None:
    home = Home(tmp_path / "home")
    pipeline = store.create(a_run(1, kind=RunKind.PIPELINE))
    home.run_dir(pipeline.id).mkdir(parents=True)
    bell = Bell(home, pipeline.id)
    node = store.create(replace(written(tmp_path, "share", 2), parent_id=pipeline.id))
    other = store.create(replace(written(tmp_path, "share", 3), parent_id=pipeline.id))

    WarmBatches(home, store, store.many).execute([node.id])
    heard = bell.heard()
    WarmBatches(home, store, store.many, is_away=True).execute([other.id])

    assert str(store.get(node.id).result).startswith(str(home.run_dir(pipeline.id)))
    assert heard == [node.id]
    unseen = store.get(other.id).failure
    assert unseen is not None
    assert "nobody brought them there" in unseen.message

"""What every `ManyRuns` must do, beside the `RunStore` it belongs to.

Derive from `ManyRunsContract` and override its fixture `pair`; pytest does the rest.
"""

import time
from dataclasses import replace

import pytest

from synapse_core.errors import ConflictError, InvalidInputError
from synapse_core.model.run import Outcome, RunEnd, RunStatus
from synapse_core.ports import ClaimedRuns, ManyRuns, RunStore
from synapse_core.testing.contracts.claimed_runs import ClaimedRunsContract
from synapse_core.testing.contracts.runs import (
    FAILURE,
    MINE,
    OTHER,
    SUCCESS,
    SUMMARY,
    a_run,
)

__all__ = ["ManyRunsContract"]

MANY = 1100


class ManyRunsContract(ClaimedRunsContract):
    """To each of many runs happens what happens to one."""

    @pytest.fixture
    def pair(self) -> tuple[RunStore, ManyRuns]:
        """Return an empty store, and what does many things to it; to be overridden."""
        raise NotImplementedError

    @pytest.fixture
    def claiming(self, pair: tuple[RunStore, ManyRuns]) -> tuple[RunStore, ClaimedRuns]:
        """Return the same for what a worker does."""
        return pair

    def test_runs_are_added_all_or_none(self, pair: tuple[RunStore, ManyRuns]) -> None:
        store, many = pair
        runs = [a_run(number, params={"n": number}) for number in range(MANY)]
        many.create(runs)

        assert store.get(runs[-1].id) == runs[-1]
        assert many.get([run.id for run in reversed(runs)]) == runs[::-1]
        with pytest.raises(ConflictError):
            many.create([a_run(MANY), runs[0]])
        with pytest.raises(InvalidInputError):
            many.create([a_run(MANY), a_run(MANY + 1, status=RunStatus.RUNNING)])
        assert many.get([a_run(MANY).id]) == []

    def test_a_key_is_used_once(self, pair: tuple[RunStore, ManyRuns]) -> None:
        _, many = pair
        with pytest.raises(ConflictError):
            many.create([a_run(1, idempotency_key="k"), a_run(2, idempotency_key="k")])
        assert many.statuses([a_run(1).id, a_run(2).id]) == {}

    def test_what_is_unknown_is_passed_over(self, pair: tuple[RunStore, ManyRuns]) -> None:
        store, many = pair
        runs = [a_run(1), a_run(2)]
        many.create(runs)
        store.request_cancel(runs[0].id)

        assert many.statuses([runs[0].id, "?", runs[1].id]) == {
            runs[0].id: RunStatus.CANCELLED,
            runs[1].id: RunStatus.PENDING,
        }
        assert many.get(["?", runs[1].id]) == [runs[1]]
        assert many.finish([RunEnd("?", SUCCESS, SUMMARY)], owner=MINE) == []
        assert many.get([]) == many.finish([], owner=MINE) == []

    def test_runs_are_claimed_ahead_of_their_turn(self, pair: tuple[RunStore, ManyRuns]) -> None:
        store, many = pair
        ids = [a_run(number).id for number in range(4)]
        many.create([a_run(number) for number in range(4)])
        store.claim(ids[1], owner=OTHER, lease_s=9)
        before = time.time()

        claimed = many.claim([ids[2], "?", ids[1], ids[0]], owner=MINE, lease_s=9)

        assert claimed == many.get([ids[2], ids[0]])
        for run in claimed:
            assert (run.status, run.owner, run.attempt) == (RunStatus.RUNNING, MINE, 1)
            assert run.started_at is None
            assert run.lease_expires_at is not None
            assert run.lease_expires_at >= before + 9
        assert many.claim(ids[:3], owner=OTHER, lease_s=9) == []
        assert store.heartbeat(ids[2], owner=MINE, lease_s=9).started_at is not None
        store.begin_attempt(ids[0], owner=MINE, attempt=1)
        assert store.get(ids[0]).started_at is not None
        end = RunEnd(ids[0], SUCCESS, SUMMARY, started_at=before)
        assert [run.started_at for run in many.finish([end], owner=MINE)] == [before]

    def test_what_was_claimed_ahead_is_released_as_if_nobody_had_had_it(
        self, pair: tuple[RunStore, ManyRuns]
    ) -> None:
        store, many = pair
        runs = [a_run(number) for number in range(5)]
        ids = [run.id for run in runs]
        many.create(runs)
        many.claim(ids, owner=MINE, lease_s=9)
        store.heartbeat(ids[0], owner=MINE, lease_s=9)
        store.request_cancel(ids[1])

        assert many.release(ids, expected_owner=OTHER) == []
        assert many.release([*ids[:4], "?"], expected_owner=MINE) == ids[2:4]
        assert many.get(ids[2:4]) == runs[2:4]
        assert [store.get(one).owner for one in ids[:2]] == [MINE, MINE]
        assert store.release(ids[4], expected_owner=MINE)
        assert store.get(ids[4]) == runs[4]
        assert many.release(ids[2:4], expected_owner=MINE) == []

    def test_runs_end_together_each_in_its_way(self, pair: tuple[RunStore, ManyRuns]) -> None:
        store, many = pair
        ids = [a_run(number).id for number in range(4)]
        many.create([a_run(number) for number in range(4)])
        for run_id, owner in zip(ids, (MINE, MINE, OTHER), strict=False):
            store.claim(run_id, owner=owner, lease_s=9)
        ends = [RunEnd(ids[0], SUCCESS, SUMMARY), RunEnd(ids[1], FAILURE, SUMMARY)]

        ended = many.finish([*ends, RunEnd(ids[2], SUCCESS, SUMMARY)], owner=MINE)

        assert ended == [store.get(ids[0]), store.get(ids[1])]
        assert [(run.result, run.failure, run.summary) for run in ended] == [
            (SUCCESS.result, None, SUMMARY),
            (None, FAILURE.failure, SUMMARY),
        ]
        assert all(run.owner is None and run.finished_at is not None for run in ended)
        assert store.get(ids[2]).status is RunStatus.RUNNING
        again = RunEnd(ids[0], replace(SUCCESS, result="other"), SUMMARY)
        assert many.finish([again], owner=MINE) == ended[:1]
        with pytest.raises(InvalidInputError):
            many.finish([RunEnd(ids[2], Outcome(RunStatus.PENDING), SUMMARY)], owner=OTHER)

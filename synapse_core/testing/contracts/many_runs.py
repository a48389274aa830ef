"""What every `ManyRuns` must do, beside the `RunStore` it belongs to.

Derive from `ManyRunsContract` and override its fixture `pair`; pytest does the rest.
"""

from dataclasses import replace

import pytest

from synapse_core.errors import ConflictError, InvalidInputError
from synapse_core.model.run import Outcome, RunEnd, RunStatus
from synapse_core.ports import ManyRuns, RunStore
from synapse_core.testing.contracts.runs import (
    FAILURE,
    MINE,
    OTHER,
    SUCCESS,
    SUMMARY,
    a_run,
    at_once,
)

__all__ = ["ManyRunsContract"]

MANY = 1100


class ManyRunsContract:
    """To each of many runs happens what happens to one."""

    @pytest.fixture
    def pair(self) -> tuple[RunStore, ManyRuns]:
        """Return an empty store, and what does many things to it; to be overridden."""
        raise NotImplementedError

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

    def test_each_run_is_claimed_by_one_of_many(self, pair: tuple[RunStore, ManyRuns]) -> None:
        store, many = pair
        ids = [a_run(number).id for number in range(20)]
        many.create([a_run(number) for number in range(20)])

        won = at_once(
            lambda: many.claim(ids, owner="a", lease_s=9),
            lambda: many.claim(ids[::-1], owner="b", lease_s=9),
            lambda: [run for one in ids[5:9] if (run := store.claim(one, owner="c", lease_s=9))],
        )

        assert sorted(run.id for runs in won for run in runs) == ids
        for run in [run for runs in won for run in runs]:
            assert run == store.get(run.id)
            assert (run.status, run.attempt) == (RunStatus.RUNNING, 1)

    def test_what_has_ended_or_is_unknown_is_passed_over(
        self, pair: tuple[RunStore, ManyRuns]
    ) -> None:
        store, many = pair
        many.create([a_run(1), a_run(2)])
        store.request_cancel(a_run(1).id)

        assert [
            run.id for run in many.claim(["?", a_run(1).id, a_run(2).id], owner=MINE, lease_s=9)
        ] == [a_run(2).id]
        assert many.statuses([a_run(1).id, "?", a_run(2).id]) == {
            a_run(1).id: RunStatus.CANCELLED,
            a_run(2).id: RunStatus.RUNNING,
        }
        assert many.get([]) == many.claim([], owner=MINE, lease_s=9) == []

    def test_a_claim_is_undone_as_if_it_had_never_been(
        self, pair: tuple[RunStore, ManyRuns]
    ) -> None:
        store, many = pair
        runs = [a_run(number) for number in range(4)]
        ids = [run.id for run in runs]
        many.create(runs)
        many.claim(ids[:3], owner=MINE, lease_s=9)
        store.request_cancel(ids[1])

        assert many.put_back(ids, owner=OTHER) == []
        assert many.put_back(ids, owner=MINE) == [runs[0], runs[2]]
        assert store.get(ids[0]) == runs[0]
        assert store.get(ids[1]).status is RunStatus.RUNNING
        assert store.get(ids[3]) == runs[3]

    def test_runs_end_together_each_in_its_way(self, pair: tuple[RunStore, ManyRuns]) -> None:
        store, many = pair
        ids = [a_run(number).id for number in range(4)]
        many.create([a_run(number) for number in range(4)])
        many.claim(ids[:2], owner=MINE, lease_s=9)
        many.claim(ids[2:3], owner=OTHER, lease_s=9)
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

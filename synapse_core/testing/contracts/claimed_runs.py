"""What every `ClaimedRuns` must do, beside the `RunStore` that holds the runs.

Derive from `ClaimedRunsContract` and override its fixture `claiming`; pytest does the rest.
"""

import time

import pytest

from synapse_core.errors import InvalidInputError
from synapse_core.model.run import Outcome, RunEnd, RunStatus
from synapse_core.ports import ClaimedRuns, RunStore
from synapse_core.testing.contracts.runs import FAILURE, MINE, OTHER, SUCCESS, SUMMARY, a_run

__all__ = ["ClaimedRunsContract"]

UNKNOWN = a_run(99).id
THIRD = "host:3:3"


class ClaimedRunsContract:
    """A worker owns what is pending, ends what it owns, and gives back what it has not begun."""

    @pytest.fixture
    def claiming(self) -> tuple[RunStore, ClaimedRuns]:
        """Return an empty store, and what a worker does to its runs; to be overridden."""
        raise NotImplementedError

    def test_what_is_pending_is_owned_in_the_order_asked_for(
        self, claiming: tuple[RunStore, ClaimedRuns]
    ) -> None:
        store, runs = claiming
        ids = [store.create(a_run(number)).id for number in range(4)]
        store.claim(ids[1], owner=OTHER, lease_s=9)
        store.request_cancel(ids[3])
        before = time.time()

        claimed = runs.claim([ids[2], UNKNOWN, ids[1], ids[0], ids[3]], owner=MINE, lease_s=9)

        assert [run.id for run in claimed] == [ids[2], ids[0]]
        for run in claimed:
            kept = store.get(run.id)
            assert (kept.status, kept.owner, kept.attempt) == (RunStatus.RUNNING, MINE, 1)
            assert (run.owner, run.attempt, run.params) == (MINE, 1, kept.params)
            assert kept.lease_expires_at is not None
            assert kept.lease_expires_at >= before + 9
        assert store.get(ids[1]).owner == OTHER
        assert runs.claim(ids, owner=THIRD, lease_s=9) == []

    def test_runs_of_the_owner_end_each_in_its_way(
        self, claiming: tuple[RunStore, ClaimedRuns]
    ) -> None:
        store, runs = claiming
        ids = [store.create(a_run(number)).id for number in range(3)]
        runs.claim(ids[:2], owner=MINE, lease_s=9)
        store.claim(ids[2], owner=OTHER, lease_s=9)
        outcomes = zip([*ids, UNKNOWN], (SUCCESS, FAILURE, SUCCESS, SUCCESS), strict=True)

        ended = runs.finish(
            [RunEnd(one, end, SUMMARY, started_at=12.5) for one, end in outcomes], owner=MINE
        )

        assert [(run.id, run.started_at) for run in ended] == [(one, 12.5) for one in ids[:2]]
        kept = [store.get(one) for one in ids]
        assert [(run.result, run.failure) for run in kept[:2]] == [
            (SUCCESS.result, None),
            (None, FAILURE.failure),
        ]
        assert all(run.owner is None and run.summary == SUMMARY for run in kept[:2])
        assert (kept[2].status, kept[2].owner) == (RunStatus.RUNNING, OTHER)
        with pytest.raises(InvalidInputError):
            runs.finish([RunEnd(ids[2], Outcome(RunStatus.PENDING), SUMMARY)], owner=OTHER)

    def test_what_is_released_others_may_have(self, claiming: tuple[RunStore, ClaimedRuns]) -> None:
        store, runs = claiming
        ids = [store.create(a_run(number)).id for number in range(3)]
        runs.claim(ids, owner=MINE, lease_s=9)
        store.request_cancel(ids[0])

        assert runs.release(ids, expected_owner=OTHER) == []
        assert runs.release([*ids[:2], UNKNOWN], expected_owner=MINE) == [ids[1]]

        assert store.get(ids[1]).status is RunStatus.PENDING
        assert [store.get(one).owner for one in ids] == [MINE, None, MINE]
        assert [run.id for run in runs.claim(ids, owner=OTHER, lease_s=9)] == [ids[1]]

"""What every `RunStore` must do about owners, leases and attempts."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from synapse_core.errors import (
    ConflictError,
    LeaseLostError,
)
from synapse_core.model.run import (
    RunStatus,
)
from synapse_core.ports import RunStore
from synapse_core.testing.contracts.runs import (
    MINE,
    OTHER,
    SUCCESS,
    SUMMARY,
    a_run,
    at_once,
    start,
)

__all__ = ["OwningContract"]

_CALLS: list[Callable[[RunStore, str], object]] = [
    lambda store, run_id: store.heartbeat(run_id, owner=MINE, lease_s=9, summary=SUMMARY),
    lambda store, run_id: store.begin_attempt(run_id, owner=MINE, attempt=2),
]


class OwningContract:
    """Exactly one owner at a time."""

    def test_a_claim_sets_owner_lease_attempt_and_start_together(self, store: RunStore) -> None:
        run = store.create(a_run(params={"a": 1}, env={"A": "1"}))
        before = time.time()
        claimed = store.claim(run.id, owner=MINE, lease_s=60)
        after = time.time()

        assert claimed is not None
        assert claimed.started_at is not None
        assert claimed.lease_expires_at is not None
        assert before <= claimed.started_at <= after
        assert before + 60 <= claimed.lease_expires_at <= after + 60
        assert claimed == store.get(run.id)
        assert claimed == replace(
            run,
            status=RunStatus.RUNNING,
            owner=MINE,
            attempt=1,
            started_at=claimed.started_at,
            lease_expires_at=claimed.lease_expires_at,
        )

    def test_exactly_one_of_many_claims_a_run(self, store: RunStore) -> None:
        for number in range(10):
            store.create(a_run(number))
            won = at_once(
                *[
                    lambda n=number, owner=f"w{w}": store.claim(a_run(n).id, owner=owner, lease_s=9)
                    for w in range(6)
                ]
            )
            (winner,) = [run for run in won if run is not None]

            assert store.get(winner.id) == winner

    def test_a_run_that_has_ended_is_not_claimed(self, store: RunStore) -> None:
        ended = store.request_cancel(store.create(a_run()).id)

        assert store.claim(ended.id, owner=MINE, lease_s=9) is None
        assert store.get(ended.id) == ended

    def test_a_heartbeat_extends_the_lease_and_keeps_the_summary(self, store: RunStore) -> None:
        run = start(store, a_run(params={"a": 1}, env={"A": "1"}))
        store.heartbeat(run.id, owner=MINE, lease_s=100, summary=SUMMARY)
        before = time.time()
        beaten = store.heartbeat(run.id, owner=MINE, lease_s=500)

        assert beaten.lease_expires_at is not None
        assert beaten.lease_expires_at >= before + 500
        assert beaten.summary == SUMMARY
        assert store.get(run.id) == replace(beaten, params={"a": 1}, env={"A": "1"})

    def test_a_heartbeat_brings_the_cancel_request(self, store: RunStore) -> None:
        run = start(store)
        assert store.heartbeat(run.id, owner=MINE, lease_s=9).cancel_requested_at is None
        store.request_cancel(run.id, force=True)
        beaten = store.heartbeat(run.id, owner=MINE, lease_s=9)

        assert beaten.cancel_requested_at is not None
        assert beaten.cancel_force

    def test_the_owner_counts_its_attempts_up(self, store: RunStore) -> None:
        run = start(store)
        for attempt in (2, 3, 3):
            store.begin_attempt(run.id, owner=MINE, attempt=attempt)
            assert store.get(run.id).attempt == attempt

        with pytest.raises(ConflictError):
            store.begin_attempt(run.id, owner=MINE, attempt=2)
        assert store.get(run.id).attempt == 3

    @pytest.mark.parametrize("state", ["pending", "another's", "ended"])
    @pytest.mark.parametrize("call", _CALLS)
    def test_who_does_not_own_the_run_cannot_change_it(
        self, store: RunStore, call: Callable[[RunStore, str], object], state: str
    ) -> None:
        run = store.create(a_run())
        if state != "pending":
            store.claim(run.id, owner=OTHER, lease_s=9)
        if state == "ended":
            store.finish(run.id, SUCCESS, owner=OTHER)
        before = store.get(run.id)

        with pytest.raises(LeaseLostError):
            call(store, run.id)
        assert store.get(run.id) == before

    def test_a_dead_owners_run_is_taken_over_with_a_new_lease(self, store: RunStore) -> None:
        run = start(store)
        before = time.time()

        assert store.take_over(run.id, expected_owner=MINE, owner=OTHER, lease_s=200)
        taken = store.get(run.id)
        assert taken.lease_expires_at is not None
        assert taken.lease_expires_at >= before + 200
        assert taken == replace(run, owner=OTHER, lease_expires_at=taken.lease_expires_at)
        with pytest.raises(LeaseLostError):
            store.heartbeat(run.id, owner=MINE, lease_s=9)

    def test_exactly_one_of_many_takes_over(self, store: RunStore) -> None:
        for number in range(10):
            run = start(store, a_run(number))
            won = at_once(
                *[
                    lambda r=run, w=w: store.take_over(
                        r.id, expected_owner=MINE, owner=f"w{w}", lease_s=9
                    )
                    for w in range(6)
                ]
            )

            assert sorted(won) == [False] * 5 + [True]
            assert store.get(run.id).owner == f"w{won.index(True)}"

    def test_a_released_run_is_claimed_for_another_attempt(self, store: RunStore) -> None:
        run = start(store, a_run(params={"a": 1}))
        store.begin_attempt(run.id, owner=MINE, attempt=2)
        store.heartbeat(run.id, owner=MINE, lease_s=9, summary=SUMMARY)

        assert store.release(run.id, expected_owner=MINE)
        released = store.get(run.id)
        assert released == replace(a_run(params={"a": 1}), attempt=2, summary=SUMMARY)
        claimed = store.claim(run.id, owner=OTHER, lease_s=9)
        assert claimed is not None
        assert (claimed.attempt, claimed.owner) == (3, OTHER)

    def test_exactly_one_of_many_releases(self, store: RunStore) -> None:
        for number in range(10):
            run = start(store, a_run(number))
            release = [lambda r=run: store.release(r.id, expected_owner=MINE)] * 6

            assert sorted(at_once(*release)) == [False] * 5 + [True]

    def test_a_run_that_is_to_stop_is_not_released(self, store: RunStore) -> None:
        run = start(store)
        asked = store.request_cancel(run.id)

        assert not store.release(run.id, expected_owner=MINE)
        assert store.get(run.id) == asked

    @pytest.mark.parametrize("state", ["pending", "another's", "ended"])
    def test_a_run_that_is_not_the_expected_owners_stays_where_it_is(
        self, store: RunStore, state: str
    ) -> None:
        run = store.create(a_run())
        if state != "pending":
            store.claim(run.id, owner=OTHER, lease_s=9)
        if state == "ended":
            store.finish(run.id, SUCCESS, owner=OTHER)
        before = store.get(run.id)

        assert not store.take_over(run.id, expected_owner=MINE, owner="new", lease_s=9)
        assert not store.release(run.id, expected_owner=MINE)
        assert store.get(run.id) == before

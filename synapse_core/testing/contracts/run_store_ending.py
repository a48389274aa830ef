"""What every `RunStore` must do about the end of a run."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from synapse_core.errors import (
    InvalidInputError,
    LeaseLostError,
)
from synapse_core.model.run import (
    Outcome,
    Run,
    RunStatus,
    RunSummary,
)
from synapse_core.ports import RunStore
from synapse_core.testing.contracts.runs import (
    FAILURE,
    MINE,
    OTHER,
    SUCCESS,
    SUMMARY,
    a_run,
    at_once,
    start,
)

__all__ = ["EndingContract"]

_CALLS: list[Callable[[RunStore, str], Run]] = [
    lambda store, run_id: store.finish(run_id, FAILURE, owner=MINE, summary=RunSummary()),
    lambda store, run_id: store.finish(run_id, FAILURE, owner=OTHER),
    lambda store, run_id: store.finish(run_id, FAILURE, owner=None),
    lambda store, run_id: store.request_cancel(run_id, force=True),
]


class EndingContract:
    """An end is whole, and final."""

    @pytest.mark.parametrize("outcome", [SUCCESS, FAILURE, Outcome(RunStatus.CANCELLED)])
    def test_a_finish_writes_everything_together(self, store: RunStore, outcome: Outcome) -> None:
        run = start(store, a_run(params={"a": 1}))
        before = time.time()
        ended = store.finish(run.id, outcome, owner=MINE, summary=SUMMARY)

        assert ended.finished_at is not None
        assert before <= ended.finished_at <= time.time()
        assert ended == store.get(run.id)
        assert ended == replace(
            run,
            status=outcome.status,
            result=outcome.result,
            failure=outcome.failure,
            summary=SUMMARY,
            finished_at=ended.finished_at,
            owner=None,
            lease_expires_at=None,
        )

    @pytest.mark.parametrize("result", [None, 0, False, "", [], {}, 1.5, "ü\udc80", {"a": [None]}])
    def test_any_result_is_kept(self, store: RunStore, result: Any) -> None:  # noqa: ANN401 - any JSON
        run = start(store)
        store.finish(run.id, Outcome(RunStatus.SUCCEEDED, result), owner=MINE)
        kept = store.get(run.id).result

        assert kept == result
        assert type(kept) is type(result)

    def test_a_finish_without_summary_keeps_the_last_one(self, store: RunStore) -> None:
        run = start(store)
        store.heartbeat(run.id, owner=MINE, lease_s=9, summary=SUMMARY)

        assert store.finish(run.id, SUCCESS, owner=MINE).summary == SUMMARY

    def test_who_ends_a_run_may_know_better_when_it_began(self, store: RunStore) -> None:
        run = start(store, a_run())

        assert store.finish(run.id, SUCCESS, owner=MINE, started_at=12.5).started_at == 12.5
        assert store.get(run.id).started_at == 12.5

    def test_a_pending_run_is_finished_by_nobody(self, store: RunStore) -> None:
        run = store.create(a_run())
        with pytest.raises(LeaseLostError):
            store.finish(run.id, FAILURE, owner=MINE)
        ended = store.finish(run.id, FAILURE, owner=None)

        assert ended.status is RunStatus.FAILED
        assert ended.started_at is None

    @pytest.mark.parametrize("owner", [OTHER, None])
    def test_a_running_run_is_finished_by_its_owner_only(
        self, store: RunStore, owner: str | None
    ) -> None:
        run = start(store)

        with pytest.raises(LeaseLostError):
            store.finish(run.id, SUCCESS, owner=owner)
        assert store.get(run.id) == run

    @pytest.mark.parametrize("status", [RunStatus.PENDING, RunStatus.RUNNING])
    def test_a_run_ends_in_a_terminal_status(self, store: RunStore, status: RunStatus) -> None:
        run = start(store)

        with pytest.raises(InvalidInputError):
            store.finish(run.id, Outcome(status), owner=MINE)
        assert store.get(run.id) == run

    @pytest.mark.parametrize("call", _CALLS)
    def test_a_terminal_run_is_returned_unchanged(
        self, store: RunStore, call: Callable[[RunStore, str], Run]
    ) -> None:
        run = start(store, a_run(params={"a": 1}))
        ended = store.finish(run.id, SUCCESS, owner=MINE, summary=SUMMARY)

        assert call(store, run.id) == ended
        assert store.get(run.id) == ended

    def test_one_of_two_ends_stays(self, store: RunStore) -> None:
        for number in range(10):
            run = start(store, a_run(number))
            ends = at_once(
                lambda r=run: store.finish(r.id, SUCCESS, owner=MINE),
                lambda r=run: store.finish(r.id, FAILURE, owner=MINE),
            )

            assert ends[0] == ends[1] == store.get(run.id)

    def test_a_pending_run_is_cancelled_at_once(self, store: RunStore) -> None:
        run = store.create(a_run(params={"a": 1}))
        before = time.time()
        ended = store.request_cancel(run.id)

        assert ended.status is RunStatus.CANCELLED
        assert ended.finished_at is not None
        assert before <= ended.finished_at <= time.time()
        assert ended.params == {"a": 1}
        assert store.get(run.id) == ended

    def test_a_running_run_is_asked_once(self, store: RunStore) -> None:
        run = start(store)
        before = time.time()
        asked = store.request_cancel(run.id)

        assert asked.cancel_requested_at is not None
        assert before <= asked.cancel_requested_at <= time.time()
        assert asked == replace(run, cancel_requested_at=asked.cancel_requested_at)
        assert store.request_cancel(run.id) == asked == store.get(run.id)

    def test_force_is_kept_once_set(self, store: RunStore) -> None:
        run = start(store)
        asked = store.request_cancel(run.id)
        forced = store.request_cancel(run.id, force=True)

        assert not asked.cancel_force
        assert forced == replace(asked, cancel_force=True)
        assert store.request_cancel(run.id, force=False) == forced

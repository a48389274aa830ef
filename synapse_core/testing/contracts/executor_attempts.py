"""What every executor does about claims, attempts, time and requests to stop."""

import time
from pathlib import Path
from typing import ClassVar

import pytest

from synapse_core.model.event import EventKind
from synapse_core.model.run import RunStatus
from synapse_core.operations.runs import cancel_run
from synapse_core.testing.contracts.executing import PATIENCE_S, Bench
from synapse_core.testing.contracts.runs import at_once

__all__ = ["AttemptsContract"]

_BACKOFF_S = 1.0
"""What a run waits after its first attempt unless told otherwise."""


class AttemptsContract:
    """A run is executed by one owner, as often as its policy says, and stops when it is asked.

    Attributes:
        can_kill: Whether it can end what does not want to stop.
    """

    can_kill: ClassVar[bool] = True

    def test_a_run_placed_many_times_is_executed_once(self, bench: Bench, tmp_path: Path) -> None:
        """One claim wins, however many want it at once."""
        file = tmp_path / "made"
        run = bench.start("counts", file=str(file))
        executor = bench.workspace.executor(bench.executor)
        at_once(*[lambda: executor.submit(run)] * 4)
        ended = bench.wait(run)
        executor.submit(ended)

        assert ended.result == 1
        assert bench.run("plain").status is RunStatus.SUCCEEDED
        assert len(file.read_text().splitlines()) == 1
        bench.assert_whole(ended)

    def test_a_failed_attempt_is_repeated_after_a_pause(self, bench: Bench, tmp_path: Path) -> None:
        """Until one succeeds."""
        file = tmp_path / "made"
        ended = bench.run("counts", retries=3, file=str(file), good_from=2)
        times = [float(line) for line in file.read_text().splitlines()]

        assert (ended.status, ended.result, ended.attempt) == (RunStatus.SUCCEEDED, 2, 2)
        assert times[1] - times[0] >= _BACKOFF_S
        assert bench.statuses(ended) == [
            ("running", 1),
            ("running", 1),
            ("running", 2),
            ("succeeded", 2),
        ]
        reason = str(bench.events(ended, EventKind.STATUS)[1].data["reason"])
        assert "attempt 1" in reason
        bench.assert_whole(ended)

    def test_the_last_failure_stands_when_attempts_are_used_up(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        """No attempt more, and none less."""
        file = tmp_path / "made"
        ended = bench.run("counts", retries=1, file=str(file), good_from=9)

        assert (ended.status, ended.attempt) == (RunStatus.FAILED, 2)
        assert ended.failure is not None
        assert (ended.failure.type, ended.failure.message) == ("ConnectionError", "attempt 2")
        assert len(file.read_text().splitlines()) == 2

    def test_an_attempt_that_takes_too_long_is_stopped(self, bench: Bench) -> None:
        """And may clean up; the failure says what the limit was."""
        ended = bench.run("waits", timeout_s=0.3)
        logged = [one.data.get("event") for one in bench.events(ended, EventKind.LOG)]

        assert ended.status is RunStatus.FAILED
        assert ended.failure is not None
        assert ended.failure.code == "run_timeout"
        assert "0.3" in ended.failure.message
        assert logged == ["ready", "cleaned up"]
        bench.assert_whole(ended)

    def test_a_run_is_cancelled_and_may_clean_up(self, bench: Bench) -> None:
        """At once, not at the next heartbeat; asking again changes nothing."""
        run = bench.start("waits")
        bench.wait_for(run, "ready")
        started = time.monotonic()
        ended = cancel_run(bench.workspace, run.id, wait_s=PATIENCE_S)
        took_s = time.monotonic() - started
        again = cancel_run(bench.workspace, run.id)
        bench.workspace.executor(bench.executor).cancel(again)

        assert (ended.status, ended.failure) == (RunStatus.CANCELLED, None)
        assert (again.status, again.finished_at) == (ended.status, ended.finished_at)
        assert bench.events(ended, EventKind.LOG)[-1].data["event"] == "cleaned up"
        assert took_s < 1.5, "a heartbeat is 2 s"
        bench.assert_whole(ended)

    def test_a_run_is_cancelled_between_two_attempts(self, bench: Bench, tmp_path: Path) -> None:
        """Without another one."""
        file = tmp_path / "made"
        run = bench.start("counts", retries=5, file=str(file), good_from=9)
        bench.wait_until(run, lambda _: len(bench.statuses(run)) > 1)
        ended = cancel_run(bench.workspace, run.id, wait_s=PATIENCE_S)

        assert ended.status is RunStatus.CANCELLED
        assert len(file.read_text().splitlines()) == ended.attempt

    def test_a_result_that_came_before_the_request_stands(self, bench: Bench) -> None:
        """What is done is done."""
        ended = bench.run("plain")
        cancelled = cancel_run(bench.workspace, ended.id, force=True)

        assert (cancelled.status, cancelled.result) == (RunStatus.SUCCEEDED, {"doubled": 4})

    def test_a_heartbeat_extends_the_lease_and_tells_how_far_it_is(self, bench: Bench) -> None:
        """For whoever only looks into the store."""
        run = bench.start("waits")
        bench.wait_for(run, "ready")
        first = bench.wait_until(run, lambda it: it.lease_expires_at is not None)
        later = bench.wait_until(
            run, lambda it: it.lease_expires_at != first.lease_expires_at and it.summary.seq > 0
        )
        cancel_run(bench.workspace, run.id, wait_s=PATIENCE_S)

        assert later.owner == first.owner
        assert later.lease_expires_at is not None
        assert first.lease_expires_at is not None
        assert later.lease_expires_at > first.lease_expires_at
        assert later.summary.log_lines > 0

    def test_what_does_not_want_to_stop_is_killed(self, bench: Bench) -> None:
        """At once, when told to."""
        if not self.can_kill:
            pytest.skip("stopping is cooperative here")
        run = bench.start("stubborn")
        bench.wait_for(run, "ready")
        ended = cancel_run(bench.workspace, run.id, force=True, wait_s=PATIENCE_S)

        assert ended.status is RunStatus.CANCELLED
        bench.assert_whole(ended)

"""Runs whose worker died, in every state it can leave them in."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from synapse_core.config.home import Home
from synapse_core.errors import StoreUnavailableError
from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import (
    Outcome,
    RetryPolicy,
    Run,
    RunFailure,
    RunStatus,
    RunSummary,
    WorkerId,
)
from synapse_core.ports import RunStore
from synapse_core.runs.endings import terminal_status
from synapse_core.runs.forwarding import forwarded_line
from synapse_core.runs.ids import new_run_id
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.processes import this_worker
from synapse_core.runs.reading import Journals
from synapse_core.runs.recovery import recover_if_abandoned
from synapse_core.runs.store.memory import MemoryRunStore
from synapse_core.runs.store.sqlite import SqliteRunStore
from synapse_core.types import JSONObject

HERE = this_worker()
DEAD = replace(HERE, started=HERE.started - 1)
"""A process of our number that was there before us."""

ELSEWHERE = WorkerId("elsewhere/boot/1", 1, 1)
RUNNING: JSONObject = {"status": "running", "attempt": 1}
PAUSED: JSONObject = {**RUNNING, "reason": "Another attempt follows."}
SUCCEEDED: JSONObject = {"status": "succeeded", "attempt": 1}
ERROR = RunFailure(type="ValueError", message="too small", hint="Give more.", traceback="T")

Said = tuple[EventKind, JSONObject]
Abandon = Callable[..., Run]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def store() -> RunStore:
    return MemoryRunStore()


@pytest.fixture
def sql(home: Home) -> Iterator[SqliteRunStore]:
    with contextlib.closing(SqliteRunStore(home.root / "runs.db")) as store:
        yield store


@pytest.fixture
def abandon(home: Home, store: RunStore) -> Abandon:
    """Leave a run behind as its dead worker did, with what it said."""

    def abandon(*said: Said, owner: WorkerId = DEAD, lease_s: float = 60.0, **given: object) -> Run:
        run = store.create(_run(**given))
        home.run_dir(run.id).mkdir(parents=True)
        with JournalWriter.open(home.journal(run.id)) as writer:
            for kind, data in ((EventKind.STATUS, RUNNING), *said):
                writer.emit(kind, data)
        claimed = store.claim(run.id, owner=str(owner), lease_s=lease_s)
        assert claimed is not None
        return claimed

    return abandon


def _run(**given: object) -> Run:
    run = Run(
        id=new_run_id(1_780_000_000.0),
        plugin="p",
        action="a",
        entrypoint="m:a",
        plugin_path="/p",
        created_at=1_780_000_000.0,
    )
    return replace(run, **given)  # pyright: ignore[reportArgumentType] - fields by name


def events(home: Home, run: Run) -> tuple[Event, ...]:
    return Journals(home).read(run.id, limit=100_000).items


def ends(home: Home, run: Run) -> list[JSONObject]:
    """Return the terminal events; there must be one, and nothing after it."""
    found = events(home, run)
    return [
        event.data
        for event in found
        if event.kind is EventKind.STATUS and RunStatus(str(event.data["status"])).is_terminal
    ]


def assert_settled(home: Home, store: RunStore, run: Run, status: RunStatus) -> None:
    """Store and journal agree on one end, which is the last event."""
    assert run.status is status
    assert store.get(run.id) == run
    (end,) = ends(home, run)
    assert end["status"] == status
    last = events(home, run)[-1]
    assert last.data == end
    assert run.summary.seq == last.seq
    assert run.finished_at is not None


@pytest.mark.parametrize("owner", [HERE, ELSEWHERE])
def test_a_run_whose_worker_lives_is_left_alone(
    home: Home, store: RunStore, abandon: Abandon, owner: WorkerId
) -> None:
    run = abandon(owner=owner)

    assert recover_if_abandoned(store, home, run) is run
    assert len(events(home, run)) == 1


def test_a_worker_of_this_machine_is_not_dead_because_a_clock_says_so(
    home: Home, store: RunStore, abandon: Abandon
) -> None:
    run = abandon(owner=HERE, lease_s=-1000)

    assert recover_if_abandoned(store, home, run) is run


def test_a_worker_of_another_machine_is_dead_when_its_lease_has_lapsed(
    home: Home, store: RunStore, abandon: Abandon
) -> None:
    run = abandon(owner=ELSEWHERE, lease_s=-1)

    assert_settled(home, store, recover_if_abandoned(store, home, run), RunStatus.FAILED)


@pytest.mark.parametrize("status", [RunStatus.PENDING, RunStatus.SUCCEEDED])
def test_only_running_runs_can_be_abandoned(home: Home, store: RunStore, status: RunStatus) -> None:
    run = _run(status=status, owner=str(DEAD))

    assert recover_if_abandoned(store, home, run) is run


def test_a_run_without_a_word_has_lost_its_worker(
    home: Home, store: RunStore, abandon: Abandon
) -> None:
    run = recover_if_abandoned(store, home, abandon((EventKind.LOG, {"message": "on my way"})))

    assert_settled(home, store, run, RunStatus.FAILED)
    assert run.failure is not None
    assert run.failure.code == "worker_lost"
    assert run.summary.log_lines == 3
    assert events(home, run)[-1].data["reason"] == run.failure.message


def test_a_recorded_result_stands(home: Home, store: RunStore, abandon: Abandon) -> None:
    run = recover_if_abandoned(store, home, abandon((EventKind.OUTPUT, {"result": {"score": 1}})))

    assert_settled(home, store, run, RunStatus.SUCCEEDED)
    assert run.result == {"score": 1}


def test_a_recorded_failure_stands(home: Home, store: RunStore, abandon: Abandon) -> None:
    run = recover_if_abandoned(store, home, abandon((EventKind.ERROR, asdict(ERROR))))

    assert_settled(home, store, run, RunStatus.FAILED)
    assert run.failure == ERROR


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ((EventKind.OUTPUT, {"result": 7}), Outcome(RunStatus.SUCCEEDED, result=7)),
        ((EventKind.ERROR, asdict(ERROR)), Outcome(RunStatus.FAILED, failure=ERROR)),
        ((EventKind.LOG, {"message": "x"}), Outcome(RunStatus.CANCELLED)),
    ],
)
def test_an_end_that_only_the_store_missed_is_not_recorded_twice(
    home: Home, store: RunStore, abandon: Abandon, said: Said, outcome: Outcome
) -> None:
    end = (EventKind.STATUS, terminal_status(outcome, 1))
    run = recover_if_abandoned(store, home, abandon(said, end, retry=RetryPolicy(retries=3)))

    assert_settled(home, store, run, outcome.status)
    assert (run.result, run.failure) == (outcome.result, outcome.failure)


def test_a_run_that_was_asked_to_stop_was_cancelled(
    home: Home, store: RunStore, abandon: Abandon
) -> None:
    run = abandon(retry=RetryPolicy(retries=3))
    store.request_cancel(run.id)

    assert_settled(home, store, recover_if_abandoned(store, home, run), RunStatus.CANCELLED)


def test_a_half_written_event_is_cut_off(home: Home, store: RunStore, abandon: Abandon) -> None:
    run = abandon()
    with home.journal(run.id).open("ab") as file:
        file.write(b'{"seq":2,"time":1.000000,"kind":"output","data":{"resu')

    assert_settled(home, store, recover_if_abandoned(store, home, run), RunStatus.FAILED)


def test_output_that_nobody_recorded_any_more_is_recorded(
    home: Home, store: RunStore, abandon: Abandon
) -> None:
    said: JSONObject = {"message": "known", "source": "output", "offset": 6}
    run = abandon((EventKind.LOG, said), env={"API_TOKEN": "hunter2-hunter2"})
    with home.output(run.id).open("wb") as file:
        file.write(b"known\nnew, with hunter2-hunter2\n")
        file.write(forwarded_line(EventKind.METRICS, {"category": "c", "values": {"a": 1}}))
        file.write(b"unfinished")
    # A listed run carries no variables; its secrets are hidden all the same.
    run = recover_if_abandoned(store, home, replace(run, env={}))
    _, known, new, metrics, unfinished, _ = events(home, run)

    assert_settled(home, store, run, RunStatus.FAILED)
    assert [event.data["message"] for event in (known, new, unfinished)] == [
        "known",
        "new, with [redacted]",
        "unfinished",
    ]
    assert metrics.kind is EventKind.METRICS
    assert run.summary.metrics == {"c": {"a": 1}}


@pytest.mark.parametrize(
    "said", [(EventKind.LOG, {"message": "x"}), (EventKind.ERROR, asdict(ERROR))]
)
def test_a_run_with_attempts_left_is_pending_again(
    home: Home, store: RunStore, abandon: Abandon, said: Said
) -> None:
    run = recover_if_abandoned(store, home, abandon(said, retry=RetryPolicy(retries=1)))

    assert (run.status, run.attempt, run.owner) == (RunStatus.PENDING, 1, None)
    assert events(home, run)[-1].data == {
        "status": "pending",
        "attempt": 1,
        "reason": "The worker vanished during attempt 1; the next one follows.",
    }
    again = store.claim(run.id, owner=str(DEAD), lease_s=60)
    assert again is not None
    assert again.attempt == 2

    run = recover_if_abandoned(store, home, again)
    assert_settled(home, store, run, RunStatus.FAILED)
    assert run.failure is not None
    assert run.failure.code == "worker_lost"


@pytest.mark.parametrize(
    "said",
    [
        (EventKind.ERROR, {**asdict(ERROR), "code": "invalid_params"}),
        (EventKind.ERROR, {**asdict(ERROR), "code": "run_cancelled"}),
        (EventKind.OUTPUT, {"result": 1}),
    ],
)
def test_what_another_attempt_would_not_better_is_not_repeated(
    home: Home, store: RunStore, abandon: Abandon, said: Said
) -> None:
    run = recover_if_abandoned(store, home, abandon(said, retry=RetryPolicy(retries=3)))

    assert run.status.is_terminal


def test_a_run_that_only_waited_for_its_turn_is_pending_as_before(
    home: Home, sql: SqliteRunStore
) -> None:
    waiting, begun, again = _run(), _run(), _run()
    repeated = _run(retry=RetryPolicy(retries=1))
    sql.many.create([waiting, begun, again, repeated])
    sql.claim(again.id, owner=str(DEAD), lease_s=60)
    for run in (begun, again, repeated):
        home.run_dir(run.id).mkdir(parents=True)
        with JournalWriter.open(home.journal(run.id)) as writer:
            writer.emit(EventKind.STATUS, RUNNING)
    sql.release(again.id, expected_owner=str(DEAD))
    runs = (waiting, begun, again, repeated)
    sql.many.claim([run.id for run in runs], owner=str(DEAD), lease_s=60)

    settled = [recover_if_abandoned(sql, home, sql.get(run.id)) for run in runs]

    assert settled[0] == waiting
    assert settled[1].failure is not None
    assert settled[1].failure.code == "worker_lost"
    assert [(one.status, one.attempt) for one in settled[2:]] == [(RunStatus.PENDING, 1)] * 2


def test_of_a_run_that_was_claimed_ahead_the_journal_tells_when_it_began(
    home: Home, sql: SqliteRunStore
) -> None:
    runs = [_run(), _run()]
    sql.many.create(runs)
    began_at: list[float] = []
    for run, words in zip(runs, [(), (PAUSED, SUCCEEDED)], strict=True):
        home.run_dir(run.id).mkdir(parents=True)
        with JournalWriter.open(home.journal(run.id)) as writer:
            for status in (RUNNING, *words):
                writer.emit(EventKind.STATUS, status)
        began_at.append(events(home, run)[0].time)
    sql.many.claim([run.id for run in runs], owner=str(DEAD), lease_s=60)

    settled = [recover_if_abandoned(sql, home, sql.get(run.id)) for run in runs]

    assert [run.status for run in settled] == [RunStatus.FAILED, RunStatus.SUCCEEDED]
    assert [run.started_at for run in settled] == began_at


def test_a_run_that_was_asked_to_stop_before_its_turn_was_cancelled(
    home: Home, sql: SqliteRunStore
) -> None:
    run = _run()
    sql.create(run)
    sql.many.claim([run.id], owner=str(DEAD), lease_s=60)
    sql.request_cancel(run.id)

    recovered = recover_if_abandoned(sql, home, sql.get(run.id))

    assert recovered.status is RunStatus.CANCELLED


class _CancelledMeanwhile(MemoryRunStore):
    """Somebody asks to stop a run in the moment before it is released."""

    def release(self, run_id: str, *, expected_owner: str) -> bool:
        self.request_cancel(run_id)
        return super().release(run_id, expected_owner=expected_owner)


def test_a_request_to_stop_wins_over_another_attempt(home: Home) -> None:
    store = _CancelledMeanwhile()
    run = store.create(_run(retry=RetryPolicy(retries=3)))
    claimed = store.claim(run.id, owner=str(DEAD), lease_s=60)
    assert claimed is not None

    assert_settled(home, store, recover_if_abandoned(store, home, claimed), RunStatus.CANCELLED)


def test_a_run_without_a_folder_is_settled(home: Home, store: RunStore) -> None:
    run = store.create(_run())
    claimed = store.claim(run.id, owner=str(DEAD), lease_s=60)
    assert claimed is not None

    assert_settled(home, store, recover_if_abandoned(store, home, claimed), RunStatus.FAILED)


@pytest.mark.parametrize("place", ["last line", "middle"])
def test_a_damaged_journal_does_not_keep_its_run_running(
    home: Home, store: RunStore, abandon: Abandon, place: str
) -> None:
    run = abandon((EventKind.LOG, {"message": "damaged"}), (EventKind.LOG, {"message": "last"}))
    path = home.journal(run.id)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2 if place == "last line" else 1] = b"something else\n"
    path.write_bytes(b"".join(lines))
    run = recover_if_abandoned(store, home, run)

    assert run.status is RunStatus.FAILED
    assert run.failure is not None
    assert run.failure.code == "worker_lost"


class _Locked(MemoryRunStore):
    """A store that cannot be written for a while."""

    is_locked = True

    def finish(
        self,
        run_id: str,
        outcome: Outcome,
        *,
        owner: str | None,
        summary: RunSummary | None = None,
        started_at: float | None = None,
    ) -> Run:
        if self.is_locked:
            raise StoreUnavailableError("The store is locked.")
        return super().finish(run_id, outcome, owner=owner, summary=summary, started_at=started_at)


def test_a_run_that_cannot_be_settled_now_is_settled_later(home: Home) -> None:
    store = _Locked()
    run = store.create(_run())
    claimed = store.claim(run.id, owner=str(DEAD), lease_s=60)
    assert claimed is not None
    assert recover_if_abandoned(store, home, claimed) is claimed

    taken = store.get(run.id)
    assert taken.owner == str(HERE)
    assert recover_if_abandoned(store, home, taken) is taken
    store.is_locked = False
    assert_settled(
        home, store, recover_if_abandoned(store, home, store.get(run.id)), RunStatus.FAILED
    )


def test_of_many_that_recover_at_once_one_does(
    home: Home, store: RunStore, abandon: Abandon
) -> None:
    runs = [abandon() for _ in range(10)]
    barrier = threading.Barrier(8)

    def recover() -> None:
        for run in runs:
            barrier.wait()
            recover_if_abandoned(store, home, run)

    threads = [threading.Thread(target=recover) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for run in runs:
        assert_settled(home, store, store.get(run.id), RunStatus.FAILED)


def test_a_note_is_taken_back_with_the_end_of_its_run(
    home: Home, store: RunStore, abandon: Abandon
) -> None:
    run = abandon()
    note = home.run_dir(run.id) / "worker"
    note.write_text("half wri")
    recover_if_abandoned(store, home, run)

    assert not note.exists()

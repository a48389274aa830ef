"""Recovery with real processes, killed where they stand."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from synapse_core.config.home import Home
from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import Run, RunStatus, WorkerId
from synapse_core.runs.ids import new_run_id
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.processes import is_alive, this_worker, worker_of
from synapse_core.runs.reading import Journals
from synapse_core.runs.recovery import recover_if_abandoned, write_worker_note
from synapse_core.runs.store.sqlite import SqliteRunStore
from tests.runs.scripts import run_script, started_script

DEAD = replace(this_worker(), started=this_worker().started - 1)

WORKER = """
    import os, subprocess, sys, time
    from pathlib import Path
    from synapse_core.config.home import Home
    from synapse_core.model.event import EventKind
    from synapse_core.runs.journal import JournalWriter
    from synapse_core.runs.processes import this_worker, worker_of
    from synapse_core.runs.recovery import write_worker_note
    from synapse_core.runs.store.sqlite import SqliteRunStore
    home, run_id = Home(Path(sys.argv[1])), sys.argv[2]
    store = SqliteRunStore(home.database)
    assert store.claim(run_id, owner=str(this_worker()), lease_s=15)
    writer = JournalWriter.open(home.journal(run_id))
    writer.emit(EventKind.STATUS, {"status": "running", "attempt": 1})
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir(home.work(run_id))
        said = os.open(home.output(run_id), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 1)
        os.dup2(said, 2)
        SLEEP = ["sleep", "1000"]
        nowhere = subprocess.DEVNULL
        left = [
            subprocess.Popen(SLEEP),
            subprocess.Popen(SLEEP, stdout=nowhere, stderr=nowhere),
            subprocess.Popen(SLEEP, start_new_session=True),
        ]
        os.write(1, b"said, and not recorded\\n")
        writer.emit(EventKind.METRICS, {"values": {"left": [process.pid for process in left]}})
        time.sleep(1000)
    writer.close()
    write_worker_note(home.run_dir(run_id), worker_of(child))
    print(child, flush=True)
    time.sleep(1000)
"""
"""A supervisor with a child that records events and leaves three processes behind."""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.ensure()
    return home


@pytest.fixture
def store(home: Home) -> Iterator[SqliteRunStore]:
    store = SqliteRunStore(home.database)
    yield store
    store.close()


@pytest.fixture
def run(home: Home, store: SqliteRunStore) -> Run:
    run = Run(
        id=new_run_id(1_780_000_000.0),
        plugin="p",
        action="a",
        entrypoint="m:a",
        plugin_path="/p",
        created_at=1_780_000_000.0,
    )
    home.work(run.id).mkdir(parents=True)
    return store.create(run)


def events(home: Home, run: Run) -> tuple[Event, ...]:
    return Journals(home).read(run.id).items


def wait_for(home: Home, run: Run, kind: EventKind) -> Event:
    cursor = None
    while True:
        page = Journals(home).read(run.id, after=cursor, kinds=frozenset({kind}))
        if page.items:
            return page.items[0]
        assert Journals(home).wait(run.id, page.next_cursor, timeout_s=20)
        cursor = page.next_cursor


def assert_ended_once(home: Home, run: Run, status: RunStatus) -> None:
    statuses = [e.data["status"] for e in events(home, run) if e.kind is EventKind.STATUS]
    assert statuses == ["running", status]
    assert events(home, run)[-1].kind is EventKind.STATUS
    assert [event.seq for event in events(home, run)] == list(range(1, len(events(home, run)) + 1))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells who is left")
@pytest.mark.parametrize("dies_first", ["the worker", "the whole attempt"])
def test_what_a_killed_worker_left_is_ended_and_its_output_recorded(
    home: Home, store: SqliteRunStore, run: Run, dies_first: str
) -> None:
    with started_script(WORKER, home.root, run.id) as worker:
        assert worker.stdout is not None
        child = int(worker.stdout.readline())
        metrics = wait_for(home, run, EventKind.METRICS).data["values"]
        assert isinstance(metrics, dict)
        assert isinstance(metrics["left"], list)
        left = [worker_of(int(str(pid))) for pid in (child, *metrics["left"])]
        if dies_first == "the whole attempt":
            os.kill(child, signal.SIGKILL)
        worker.kill()
        worker.wait()
    settled = recover_if_abandoned(store, home, store.get(run.id))

    assert settled.status is RunStatus.FAILED
    assert [is_alive(process) for process in left] == [False] * 4
    assert_ended_once(home, run, RunStatus.FAILED)
    assert "said, and not recorded" in [event.data.get("message") for event in events(home, run)]
    assert not (home.run_dir(run.id) / "worker").exists()


def test_a_process_that_got_the_number_of_the_dead_one_is_left_alone(
    home: Home, store: SqliteRunStore, run: Run
) -> None:
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as innocent:
        worker = worker_of(innocent.pid)
        write_worker_note(home.run_dir(run.id), replace(worker, started=worker.started - 1))
        store.claim(run.id, owner=str(DEAD), lease_s=15)
        recover_if_abandoned(store, home, store.get(run.id))

        assert is_alive(worker)
        assert innocent.poll() is None
        innocent.kill()


def test_nobody_is_killed_for_a_worker_of_another_machine(
    home: Home, store: SqliteRunStore, run: Run
) -> None:
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as innocent:
        elsewhere = WorkerId("elsewhere/boot/1", innocent.pid, worker_of(innocent.pid).started)
        write_worker_note(home.run_dir(run.id), elsewhere)
        store.claim(run.id, owner=str(elsewhere), lease_s=-1)
        settled = recover_if_abandoned(store, home, store.get(run.id))

        assert settled.status is RunStatus.FAILED
        assert innocent.poll() is None
        innocent.kill()


def test_recoverers_that_are_killed_over_it_leave_the_run_to_the_next(
    home: Home, store: SqliteRunStore
) -> None:
    """Each is killed at another moment; whatever it had done, the end is recorded once."""
    code = """
        import sys
        from pathlib import Path
        from synapse_core.config.home import Home
        from synapse_core.runs.recovery import recover_if_abandoned
        from synapse_core.runs.store.sqlite import SqliteRunStore
        home = Home(Path(sys.argv[1]))
        store = SqliteRunStore(home.database)
        for run_id in sys.argv[2:]:
            recover_if_abandoned(store, home, store.get(run_id))
            print(run_id, flush=True)
    """
    runs = [_leave(home, store, number) for number in range(60)]
    chance = random.Random(7)  # noqa: S311 - which moment, not which secret
    left = [run.id for run in runs]
    while left:
        with started_script(code, home.root, *left) as recoverer:
            assert recoverer.stdout is not None
            for _ in range(min(chance.randint(5, 30), len(left))):
                recoverer.stdout.readline()
            recoverer.kill()
        left = [run_id for run_id in left if not store.get(run_id).status.is_terminal]

    for run in runs:
        settled = store.get(run.id)
        assert settled.status is RunStatus.SUCCEEDED
        assert settled.result == "x" * 2000
        assert_ended_once(home, run, RunStatus.SUCCEEDED)
        assert settled.summary.seq == events(home, run)[-1].seq


def _leave(home: Home, store: SqliteRunStore, number: int) -> Run:
    """Leave a run with a result and two lines of output that nobody recorded."""
    run = store.create(
        Run(
            id=new_run_id(1_780_000_000.0 + number),
            plugin="p",
            action="a",
            entrypoint="m:a",
            plugin_path="/p",
            created_at=1_780_000_000.0 + number,
        )
    )
    home.run_dir(run.id).mkdir(parents=True)
    with JournalWriter.open(home.journal(run.id)) as writer:
        writer.emit(EventKind.STATUS, {"status": "running", "attempt": 1})
        writer.emit(EventKind.OUTPUT, {"result": "x" * 2000})
    home.output(run.id).write_bytes(b"one\ntwo\n")
    store.claim(run.id, owner=str(DEAD), lease_s=15)
    return run


def test_a_full_disk_puts_the_recovery_off(home: Home, store: SqliteRunStore, run: Run) -> None:
    """A limit on the size of files leaves room for the store, and none for the journal."""
    code = """
        import resource, sys
        from pathlib import Path
        from synapse_core.config.home import Home
        from synapse_core.runs.recovery import recover_if_abandoned
        from synapse_core.runs.store.sqlite import SqliteRunStore
        home, run_id = Home(Path(sys.argv[1])), sys.argv[2]
        store = SqliteRunStore(home.database)
        run = store.get(run_id)
        full = home.journal(run_id).stat().st_size + 5
        resource.setrlimit(resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
        assert recover_if_abandoned(store, home, run) is run
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        assert recover_if_abandoned(store, home, store.get(run_id)).status == "failed"
    """
    with JournalWriter.open(home.journal(run.id)) as writer:
        writer.emit(EventKind.STATUS, {"status": "running", "attempt": 1})
        writer.emit(EventKind.MESSAGE, {"message": "x" * 3_000_000})
    store.claim(run.id, owner=str(DEAD), lease_s=15)
    run_script(code, home.root, run.id)

    assert_ended_once(home, run, RunStatus.FAILED)


def test_a_full_disk_does_not_break_the_look_at_a_run(
    home: Home, store: SqliteRunStore, run: Run
) -> None:
    """Not even the store can be written, so that nobody takes the run over."""
    code = """
        import resource, sys
        from pathlib import Path
        from synapse_core.config.home import Home
        from synapse_core.runs.recovery import recover_if_abandoned
        from synapse_core.runs.store.sqlite import SqliteRunStore
        home, run_id = Home(Path(sys.argv[1])), sys.argv[2]
        store = SqliteRunStore(home.database)
        run = store.get(run_id)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
        assert recover_if_abandoned(store, home, run) is run
    """
    store.claim(run.id, owner=str(DEAD), lease_s=15)
    run_script(code, home.root, run.id)

    assert store.get(run.id).owner == str(DEAD)

"""The file of a SQLite store, and the processes and threads that share it."""

import os
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from textwrap import dedent

import pytest

from synapse_core.errors import StoreUnavailableError
from synapse_core.model.run import Outcome, RunStatus
from synapse_core.runs.store.sqlite import SqliteRunStore
from synapse_core.runs.store.sqlite_connections import SqliteConnections
from synapse_core.testing.contracts.runs import ALL, MINE, a_run, at_once, start, walk
from tests.runs.sqlite_store.looking import HEAD, OpenStore, python, raw


def test_nothing_is_made_before_it_is_used(path: Path) -> None:
    SqliteRunStore(path).close()

    assert not path.exists()


def test_only_its_owner_may_read_the_file(path: Path, open_store: OpenStore) -> None:
    before = os.umask(0)
    try:
        open_store().create(a_run())
    finally:
        os.umask(before)

    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {"runs.db": 0o600, "runs.db-wal": 0o600, "runs.db-shm": 0o600}


@pytest.mark.skipif(sys.platform != "linux", reason="open files are looked up in /proc")
def test_many_readers_at_once_leave_few_connections(path: Path) -> None:
    def open_logs() -> int:  # SQLite keeps the database itself open for the next connection
        links = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
        return sum(link == f"{path}-wal" for link in links)

    with closing(SqliteConnections(path, busy_timeout_s=5)) as connections:
        with ExitStack() as readers:
            for _ in range(40):
                reader = readers.enter_context(connections.read())
                assert reader.execute("SELECT count(*) FROM runs").fetchone()[0] == 0
            most = open_logs()
        left = open_logs()

    assert most == 40
    assert 0 < left < 10


def test_what_was_written_is_there_after_closing(path: Path, open_store: OpenStore) -> None:
    store = open_store()
    run = start(store)
    store.close()

    assert open_store().get(run.id) == run
    assert not path.with_name("runs.db-journal").exists()


def test_a_closed_store_says_so(open_store: OpenStore) -> None:
    store = open_store()
    store.create(a_run())
    store.close()
    store.close()

    with pytest.raises(StoreUnavailableError, match="closed"):
        store.get(a_run().id)


def test_another_store_sees_a_change_at_once(open_store: OpenStore) -> None:
    one, other = open_store(), open_store()
    run = start(one)

    assert other.get(run.id) == run
    other.request_cancel(run.id)
    assert one.heartbeat(run.id, owner=MINE, lease_s=9).cancel_requested_at is not None


def test_a_file_that_was_moved_away_is_not_written_to(path: Path, open_store: OpenStore) -> None:
    store = open_store()
    store.create(a_run(1))
    for file in path.parent.glob("runs.db*"):
        file.rename(file.with_name(f"old-{file.name}"))
    store.create(a_run(2))

    assert [run.id for run in open_store().list(ALL).items] == [a_run(2).id]


def test_a_list_and_a_heartbeat_leave_large_values_alone(path: Path, open_store: OpenStore) -> None:
    store = open_store()
    run = start(store, a_run(params={"text": "x" * 5_000_000}))
    written = path.with_name("runs.db-wal").stat().st_size
    with raw(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for _ in range(20):
        store.heartbeat(run.id, owner=MINE, lease_s=9)
        store.list(ALL)

    assert written > 5_000_000
    assert path.with_name("runs.db-wal").stat().st_size < 1_000_000


def test_a_store_made_by_many_at_once_is_whole(path: Path) -> None:
    stores = [SqliteRunStore(path) for _ in range(8)]
    made = at_once(*[lambda n=n, s=s: s.create(a_run(n)).id for n, s in enumerate(stores)])

    assert walk(stores[0], ALL, 3) == sorted(made, reverse=True)
    for store in stores:
        store.close()


def test_one_of_many_processes_wins_each_claim(path: Path, open_store: OpenStore) -> None:
    count = 60
    store = open_store(busy_timeout_s=9)
    for number in range(count):
        store.create(a_run(number))
    code = """
        sys.stdin.read()
        mine = [n for n in range(int(sys.argv[2]))
                if store.claim(a_run(n).id, owner=sys.argv[3], lease_s=9) is not None]
        for n in mine:
            store.finish(a_run(n).id, SUCCESS, owner=sys.argv[3])
        print(len(mine))
    """
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", HEAD + dedent(code), str(path), str(count), f"w{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.close()
    told: list[int] = []
    for worker in workers:
        assert worker.stdout is not None
        told.append(int(worker.stdout.read()))
        worker.stdout.close()
        worker.wait()

    assert sum(told) == count
    assert {run.status for run in store.list(ALL, limit=count).items} == {RunStatus.SUCCEEDED}


def test_a_fork_opens_the_file_anew(path: Path) -> None:
    code = """
        from synapse_core.testing.contracts.runs import at_once
        import gc
        run = start(store)
        at_once(*[lambda: store.get(run.id)] * 4)
        before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
        inherited = list(store._database._pool._idle)
        child = os.fork()
        if child == 0:
            asked = store.request_cancel(run.id)
            assert not any(old is new for old in inherited for new in store._database._pool._idle)
            del inherited
            gc.collect()
            left = set(os.listdir("/proc/self/fd")) if before else set()
            assert before <= left, "an inherited connection was closed"
            store.close()
            sys.exit(0 if asked.cancel_requested_at else 3)
        _, status = os.waitpid(child, 0)
        assert status == 0, status
        beaten = store.heartbeat(run.id, owner=MINE, lease_s=9)
        assert beaten.cancel_requested_at is not None
        assert store.finish(run.id, SUCCESS, owner=MINE).result == SUCCESS.result
        store.close()
        print("fine")
    """
    done = python(code, path)

    assert done.stdout == "fine\n", done.stderr


def test_what_a_killed_process_wrote_is_kept(path: Path, open_store: OpenStore) -> None:
    done = python("start(store); os.kill(os.getpid(), 9)", path)

    assert done.returncode == -9
    assert open_store().get(a_run().id).status is RunStatus.RUNNING


def test_a_change_broken_off_by_an_exception_changes_nothing(open_store: OpenStore) -> None:
    store = open_store()
    run = start(store)
    no_json = {"set"}

    with pytest.raises(TypeError):
        store.finish(run.id, Outcome(RunStatus.SUCCEEDED, no_json), owner=MINE)  # pyright: ignore[reportArgumentType]: what a caller gives may break its type
    assert store.get(run.id) == run

"""What can be wrong with a PostgreSQL store, and how it is told."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import psutil
import psycopg
import pytest

from synapse_core.errors import (
    ConfigError,
    ConflictError,
    InvalidInputError,
    StoreUnavailableError,
    SynapseError,
)
from synapse_core.model.run import RunStatus
from synapse_core.runs.store.postgres import PostgresRunStore
from synapse_core.runs.store.postgres_schema import SCHEMA_VERSION
from synapse_core.testing.contracts.runs import ALL, MINE, SUCCESS, a_run, start
from tests.postgres import PASSWORD, PostgresServer, connect
from tests.runs.scripts import run_script

pytestmark = pytest.mark.xdist_group("postgres")

OpenStore = Callable[[], PostgresRunStore]


def told(url: str) -> SynapseError:
    """Return the error of a store that cannot be used, which shows no secret."""
    with pytest.raises(SynapseError) as caught, closing(PostgresRunStore(url)) as store:
        store.list(ALL)
    error = caught.value
    shown = f"{error} {error.hint} {error.data} {error!r} {error.__cause__}"
    assert PASSWORD not in shown
    assert "secret" not in shown
    return error


def test_a_wrong_password_is_told(postgres_server: PostgresServer) -> None:
    error = told(f"postgresql://synapse:secret@127.0.0.1:{postgres_server.port}/postgres")

    assert isinstance(error, StoreUnavailableError)
    assert "password authentication failed" in error.message
    assert f"postgresql://synapse@127.0.0.1:{postgres_server.port}/postgres" in error.message
    assert "password" in error.hint


def test_a_missing_database_is_told(postgres_url: str) -> None:
    error = told(postgres_url.replace("/postgres?", "/nothing?"))

    assert '"nothing" does not exist' in error.message
    assert "Make it" in error.hint


def test_a_server_that_is_not_there_is_told() -> None:
    error = told("postgresql://synapse:secret@127.0.0.1:9/runs")

    assert isinstance(error, StoreUnavailableError)
    assert "Start the server" in error.hint


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://synapse:secret@db",
        "postgresql://synapse:secret@db:port/runs",
        "postgresql://synapse:sec/ret@db/runs",
        "postgresql://synapse:secret@db/runs?nonsense=1",
        "postgresql://synapse:secret@db/runs?password=secret%",
        "mysql://synapse:secret@db/runs",
        "",
    ],
)
def test_what_is_no_address_is_told(url: str) -> None:
    error = told(url)

    assert isinstance(error, ConfigError)
    assert error.hint


def test_a_missing_extra_is_told() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from synapse_core.errors import MissingExtraError\n"
        "from synapse_core.runs.store.postgres import PostgresRunStore\n"
        "try: PostgresRunStore('postgresql://db/runs')\n"
        "except MissingExtraError as error: print(error.hint)"
    )

    assert "synapse-mcp[postgres]" in run_script(code)


def test_a_newer_schema_is_told_and_left(open_store: OpenStore, postgres_url: str) -> None:
    open_store().create(a_run())
    with connect(postgres_url) as connection:
        connection.execute(b"UPDATE run_store SET version = version + 1")

        with pytest.raises(StoreUnavailableError, match=f"schema {SCHEMA_VERSION + 1}") as caught:
            open_store().get(a_run().id)
        assert "upgrade" in caught.value.hint
        row = connection.execute(b"SELECT version FROM run_store").fetchone()
        assert row == (SCHEMA_VERSION + 1,)


def test_tables_of_another_program_are_told_and_left(
    open_store: OpenStore, postgres_url: str
) -> None:
    with connect(postgres_url) as connection:
        connection.execute(b"CREATE TABLE runs (mine INTEGER)")

        with pytest.raises(StoreUnavailableError, match="another program"):
            open_store().create(a_run())
        assert connection.execute(b"SELECT mine FROM runs").fetchall() == []


def test_many_that_begin_at_once_make_the_tables_once(postgres_url: str) -> None:
    faults: list[BaseException] = []

    def begin(number: int) -> None:
        try:
            with closing(PostgresRunStore(postgres_url)) as store:
                store.create(a_run(number))
        except BaseException as fault:  # noqa: BLE001 - told by the test
            faults.append(fault)

    threads = [threading.Thread(target=begin, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    with closing(PostgresRunStore(postgres_url)) as store:
        assert len(store.list(ALL).items) == 8


@pytest.mark.parametrize("kill", [False, True])
def test_a_server_that_was_started_anew_is_connected_to_again(
    postgres_server: PostgresServer, open_store: OpenStore, *, kill: bool
) -> None:
    store = open_store()
    run = start(store)
    postgres_server.stop(kill=kill)
    try:
        with pytest.raises(StoreUnavailableError) as caught:
            store.get(run.id)
        assert "Start the server" in caught.value.hint
    finally:
        postgres_server.start()

    assert store.get(run.id) == run
    assert store.finish(run.id, SUCCESS, owner=MINE).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("kill", [False, True])
def test_nobody_notices_that_the_server_was_started_anew_between_two_calls(
    postgres_server: PostgresServer, open_store: OpenStore, *, kill: bool
) -> None:
    store = open_store()
    run = start(store)
    postgres_server.stop(kill=kill)
    postgres_server.start()

    assert store.heartbeat(run.id, owner=MINE, lease_s=9).owner == MINE
    postgres_server.stop(kill=kill)
    postgres_server.start()
    assert store.get(run.id).status is RunStatus.RUNNING


def test_a_server_that_does_not_answer_is_told_in_time(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    with closing(PostgresRunStore(postgres_url, answer_timeout_s=0.3)) as store:
        store.create(a_run())
        with stopped(postgres_server), pytest.raises(StoreUnavailableError) as caught:
            store.get(a_run().id)
        assert "answer" in caught.value.message

        assert store.get(a_run().id) == a_run()


@contextmanager
def stopped(server: PostgresServer) -> Generator[None]:
    """Hold all processes of the server for a while."""
    processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children()]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def test_what_a_connection_broke_over_is_begun_again(
    open_store: OpenStore, postgres_url: str
) -> None:
    store = open_store()
    run = start(store)
    with (
        connect(postgres_url) as other,
        connect(postgres_url) as watcher,
        ThreadPoolExecutor() as threads,
    ):
        with other.transaction():
            other.execute(b"SELECT * FROM runs FOR UPDATE")
            finishing = threads.submit(store.finish, run.id, SUCCESS, owner=MINE)
            end_one_that_waits(watcher)
            end_one_that_waits(watcher)
        assert finishing.result(30).status is RunStatus.SUCCEEDED

    assert store.get(run.id).status is RunStatus.SUCCEEDED


def test_a_run_that_was_kept_before_the_connection_broke_is_found_again(
    open_store: OpenStore, postgres_url: str
) -> None:
    store = open_store()
    store.list(ALL)  # its tables are made
    with connect(postgres_url) as watcher, ThreadPoolExecutor() as threads:
        # A commit is on disk, and its answer waits for a copy that nobody makes.
        set_copies(watcher, "nobody")
        try:
            await_copies(watcher, postgres_url)
            creating = threads.submit(store.create, a_run())
            end_one_that_waits(watcher, b"SyncRep")
        finally:
            set_copies(watcher, "")
        assert creating.result(30) == a_run()

    assert [one.id for one in store.list(ALL).items] == [a_run().id]
    with pytest.raises(ConflictError):
        store.create(a_run())


def set_copies(watcher: psycopg.Connection[tuple[object, ...]], names: str) -> None:
    """Say which copies a commit waits for."""
    watcher.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'".encode())
    watcher.execute(b"SELECT pg_reload_conf()")


def await_copies(watcher: psycopg.Connection[tuple[object, ...]], url: str) -> None:
    """Return as soon as commits wait for copies: the server takes its time to read its settings."""
    release = b"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    with connect(url) as probe, ThreadPoolExecutor() as threads:
        for _ in range(3000):
            commit = threads.submit(probe.execute, b"SELECT pg_logical_emit_message(true, '', '')")
            while not commit.done():
                if watcher.execute(release).fetchall():
                    commit.result(30)
                    return
    raise AssertionError("no commit waited")


def end_one_that_waits(
    watcher: psycopg.Connection[tuple[object, ...]], event: bytes = b"transactionid"
) -> None:
    """End a connection of the store by force, once it waits for something: a row, usually."""
    query = (
        b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        b"WHERE wait_event = '%b' AND application_name = 'synapse'" % event
    )
    for _ in range(3000):
        if watcher.execute(query).fetchall():
            return
        watcher.execute(b"SELECT pg_sleep(0.01)")
    raise AssertionError("nobody waited")


def test_a_locked_run_is_told(open_store: OpenStore, postgres_url: str) -> None:
    store = PostgresRunStore(f"{postgres_url}%20-clock_timeout%3D100")
    run = store.create(a_run())
    with closing(store), connect(postgres_url) as other, other.transaction():
        other.execute(b"SELECT * FROM runs FOR UPDATE")
        with pytest.raises(StoreUnavailableError) as caught:
            store.claim(run.id, owner=MINE, lease_s=9)

    assert "pg_stat_activity" in caught.value.hint
    assert open_store().claim(run.id, owner=MINE, lease_s=9) is not None


def test_a_name_that_no_index_can_hold_is_refused(open_store: OpenStore) -> None:
    with pytest.raises(InvalidInputError, match="longer than"):
        open_store().create(a_run(idempotency_key="k" * 5000))

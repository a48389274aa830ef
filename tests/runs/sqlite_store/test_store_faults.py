"""What can be wrong with the file of a SQLite store, and how it is told."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.errors import RunNotFoundError, StoreUnavailableError
from synapse_core.model.run import RunStatus
from synapse_core.runs.store.sqlite import SqliteRunStore
from synapse_core.testing.contracts.runs import ALL, MINE, SUCCESS, a_run, at_once, start, walk
from tests.runs.sqlite_store.looking import OpenStore, python, raw

NOBODY = 65534


def test_a_missing_folder_is_told(tmp_path: Path, open_store: OpenStore) -> None:
    store = open_store(tmp_path / "gone" / "runs.db")

    with pytest.raises(StoreUnavailableError, match="cannot be opened") as caught:
        store.get("x")
    assert f"Make the folder {tmp_path / 'gone'}" in caught.value.hint


def test_a_folder_in_its_place_is_told(path: Path, open_store: OpenStore) -> None:
    path.mkdir()

    with pytest.raises(StoreUnavailableError) as caught:
        open_store().list(ALL)
    assert caught.value.hint


@pytest.mark.parametrize("content", [b"this is no database at all, " * 99, os.urandom(9000)])
def test_a_file_that_is_no_database_is_told_and_left(
    path: Path, open_store: OpenStore, content: bytes
) -> None:
    path.write_bytes(content)

    with pytest.raises(StoreUnavailableError, match="not a database") as caught:
        open_store().create(a_run())
    assert caught.value.data["reason"] == "SQLITE_NOTADB"
    assert "Move" in caught.value.hint
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_told_and_left(
    path: Path, open_store: OpenStore
) -> None:
    with raw(path) as connection:
        connection.execute("CREATE TABLE runs (mine)")

    with pytest.raises(StoreUnavailableError, match="another program"):
        open_store().create(a_run())
    with raw(path) as connection:
        assert connection.execute("SELECT sql FROM sqlite_master").fetchall() == [
            ("CREATE TABLE runs (mine)",)
        ]


def test_a_lock_that_stays_is_told_and_reads_go_on(path: Path, open_store: OpenStore) -> None:
    store = open_store()
    run = start(store)
    with raw(path) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked") as caught:
            store.finish(run.id, SUCCESS, owner=MINE)
        assert store.get(run.id) == run
        holder.execute("ROLLBACK")

    assert "fuser" in caught.value.hint
    assert store.finish(run.id, SUCCESS, owner=MINE).status is RunStatus.SUCCEEDED


def test_a_short_lock_is_waited_for(path: Path, open_store: OpenStore) -> None:
    store = open_store(busy_timeout_s=30)
    store.create(a_run())
    with raw(path) as holder:
        holder.execute("BEGIN IMMEDIATE")

        def release_later() -> None:
            subprocess.run([sys.executable, "-c", ""], check=True)  # long enough to meet the lock
            holder.execute("ROLLBACK")

        at_once(lambda: store.create(a_run(1)), release_later)

    assert store.get(a_run(1).id) == a_run(1)


def test_a_damaged_page_is_told(path: Path, open_store: OpenStore) -> None:
    store = open_store()
    for number in range(200):
        store.create(a_run(number, params={"text": "x" * 500}))
    store.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))

    with pytest.raises(StoreUnavailableError) as caught:
        open_store().list(ALL)
    assert caught.value.data["reason"] in {"SQLITE_CORRUPT", "SQLITE_CORRUPT_INDEX"}
    assert "Move" in caught.value.hint


def test_a_damaged_record_is_told_by_its_id(path: Path, open_store: OpenStore) -> None:
    store = open_store()
    store.create(a_run(1))
    store.create(a_run(2))
    with raw(path) as connection:
        connection.execute("UPDATE runs SET spec = '{' WHERE id = ?", [a_run(1).id])

    with pytest.raises(StoreUnavailableError, match=a_run(1).id):
        store.get(a_run(1).id)
    assert store.get(a_run(2).id) == a_run(2)


def test_a_log_cut_short_loses_its_end_only(path: Path, open_store: OpenStore) -> None:
    done = python(
        """
        for number in range(50):
            store.create(a_run(number))
        os._exit(0)
        """,
        path,
    )
    assert done.returncode == 0, done.stderr
    log = path.with_name("runs.db-wal")
    os.truncate(log, log.stat().st_size * 2 // 3)
    path.with_name("runs.db-shm").unlink()
    left = walk(open_store(), ALL, 100)

    assert 0 < len(left) < 50
    assert left == [a_run(number).id for number in reversed(range(len(left)))]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("mode", "folder_mode"), [(0o444, 0o555), (0o444, 0o777), (0o000, 0o777)])
def test_a_file_that_may_not_be_written_is_told(mode: int, folder_mode: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.db"
        store = SqliteRunStore(path)
        store.create(a_run())
        store.close()
        path.chmod(mode)
        Path(folder).chmod(folder_mode)
        done = python(
            f"""
            os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
            from synapse_core.errors import StoreUnavailableError
            try:
                store.create(a_run(1))
            except StoreUnavailableError as error:
                print(error.data["reason"], error.hint)
            """,
            path,
        )

    assert done.stdout.startswith("SQLITE_"), done.stderr
    assert "Let this user" in done.stdout or "let this user" in done.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 512 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if sys.platform != "linux" or os.geteuid() != 0 or mount is None or umount is None:
        pytest.skip("only root on Linux can make a small disk")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run([umount, "--lazy", str(folder)], check=True)


def test_a_full_disk_is_told_and_nothing_is_lost(small_disk: Path, open_store: OpenStore) -> None:
    store = open_store(small_disk / "runs.db")
    run = start(store)
    filler = small_disk / "filler"
    fill(filler)

    with pytest.raises(StoreUnavailableError) as caught:
        store.create(a_run(1, params={"text": "x" * 400_000}))
    assert caught.value.data["reason"] in {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}
    assert "space" in caught.value.hint
    assert store.get(run.id) == run
    filler.unlink()
    assert store.finish(run.id, SUCCESS, owner=MINE).status is RunStatus.SUCCEEDED


def fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_limit_on_files_is_told_and_nothing_is_lost(path: Path, open_store: OpenStore) -> None:
    done = python(
        """
        import resource
        from synapse_core.errors import StoreUnavailableError
        start(store)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        try:
            store.create(a_run(1, params={"text": "x" * 1_000_000}))
        except StoreUnavailableError as error:
            print(error.data["reason"], error.hint)
        """,
        path,
    )

    assert done.stdout.startswith(("SQLITE_IOERR", "SQLITE_FULL")), done.stderr
    store = open_store()
    assert store.get(a_run().id).status is RunStatus.RUNNING
    with pytest.raises(RunNotFoundError):
        store.get(a_run(1).id)

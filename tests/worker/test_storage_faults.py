"""A disk that is full and a store that is locked delay the end of a run, and never lose it."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.errors import StoreUnavailableError
from synapse_core.model.run import Run, RunFilter, RunStatus
from synapse_core.operations.runs import StartRun, list_runs, start_run, wait_run
from synapse_core.workspace import Workspace
from tests.worker.plugins import PATIENCE_S, opened, write_plugin


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A home on a disk of 6 MB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk, and only on Linux")
    home = tmp_path / "home"
    home.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(home)]
    if subprocess.run(mounting, check=False, capture_output=True).returncode != 0:
        pytest.skip("this container may not mount")
    yield home
    subprocess.run(["umount", "--lazy", str(home)], check=True)


def grow(disk: Path) -> None:
    """Make room, as somebody does who reads the message."""
    subprocess.run(["mount", "-o", "remount,size=60m", str(disk)], check=True)


def wait_until_full(workspace: Workspace, run: Run, disk: Path) -> None:
    while os.statvfs(disk).f_bavail > 0:
        cursor = workspace.journals.tail(run.id, 1).next_cursor
        workspace.journals.wait(run.id, cursor, timeout_s=0.1)


def test_a_run_that_fills_the_disk_ends_when_there_is_room_again(
    tmp_path: Path, small_disk: Path
) -> None:
    write_plugin(tmp_path, "while True:\n    print('x' * 1000)")
    with opened(tmp_path) as workspace:
        run = start_run(workspace, StartRun(plugin="odd", action="run"))
        wait_until_full(workspace, run, small_disk)
        with pytest.raises(StoreUnavailableError, match="full") as caught:
            start_run(workspace, StartRun(plugin="odd", action="run"))
        listed = [found.id for found in list_runs(workspace, RunFilter()).items]
        grow(small_disk)
        ended = wait_run(workspace, run.id, timeout_s=PATIENCE_S)
        events = workspace.journals.read(run.id, limit=1_000_000).items

    assert "Free disk space" in caught.value.hint
    assert listed == [run.id]
    assert ended.status is RunStatus.FAILED
    assert ended.failure is not None
    assert "No space left on device" in ended.failure.message
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].data["status"] == "failed"


def test_a_result_waits_for_a_store_that_is_locked(tmp_path: Path) -> None:
    write_plugin(tmp_path, "time.sleep(0.5)\nreturn 'kept'")
    with opened(tmp_path) as workspace:
        run = start_run(workspace, StartRun(plugin="odd", action="run"))
        lock = sqlite3.connect(workspace.home.database, isolation_level=None, timeout=PATIENCE_S)
        lock.execute("BEGIN EXCLUSIVE")
        # Before its claim or before its end: wherever the worker is now, it needs the store.
        locked = wait_run(workspace, run.id, timeout_s=1)
        lock.execute("ROLLBACK")
        lock.close()
        ended = wait_run(workspace, run.id, timeout_s=PATIENCE_S)

    assert not locked.status.is_terminal
    assert (ended.status, ended.result) == (RunStatus.SUCCEEDED, "kept")

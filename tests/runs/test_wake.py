import statistics
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from synapse_core.runs.wake import FileWatch, find_obstacle
from tests.runs.scripts import run_script

PATIENCE_S = 20.0

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux wakes without looking")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made later" / "too" / "journal.jsonl"


@contextmanager
def waiting(watch: FileWatch) -> Generator[list[float]]:
    """Wait in a thread meanwhile; the list holds when it was woken."""
    woken: list[float] = []

    def wait() -> None:
        if watch.wait(PATIENCE_S):
            woken.append(time.monotonic())

    waiter = threading.Thread(target=wait)
    waiter.start()
    yield woken
    waiter.join()


def test_nothing_wakes_nobody(path: Path) -> None:
    start = time.monotonic()
    with FileWatch(path) as watch:
        assert not watch.wait(0.03)
        assert not watch.wait(0)
    assert 0.03 <= time.monotonic() - start < PATIENCE_S


def make_folder(path: Path) -> None:
    path.parent.mkdir(parents=True)


def make_file(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch()


def write_file(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("content")


@pytest.mark.parametrize("prepare", [None, make_folder, make_file])
def test_the_first_write_wakes_whatever_was_there_before(
    path: Path, prepare: Callable[[Path], None] | None
) -> None:
    if prepare is not None:
        prepare(path)

    def wait_until_written(watch: FileWatch) -> None:
        while not path.exists() or path.stat().st_size == 0:
            assert watch.wait(PATIENCE_S)

    with FileWatch(path) as watch:
        waiter = threading.Thread(target=wait_until_written, args=(watch,))
        waiter.start()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write("x")
        waiter.join()


def test_content_from_before_the_watch_wakes_once(path: Path) -> None:
    write_file(path)
    with FileWatch(path) as watch:
        assert watch.wait(PATIENCE_S)
        assert not watch.wait(0.01)


def test_a_write_between_two_waits_is_not_lost(path: Path) -> None:
    write_file(path)
    with FileWatch(path) as watch:
        watch.wait(PATIENCE_S)
        with path.open("a") as file:
            file.write("x")
        assert watch.wait(PATIENCE_S)


def test_a_file_that_was_replaced_wakes_with_its_new_content(path: Path) -> None:
    write_file(path)
    with FileWatch(path) as watch:
        watch.wait(PATIENCE_S)
        other = path.with_name("other")
        other.write_text("new")
        other.replace(path)
        assert watch.wait(PATIENCE_S)
        while watch.wait(0):
            pass
        with path.open("a") as file:
            file.write("x")
        assert watch.wait(PATIENCE_S)


def test_a_file_that_was_removed_and_made_again_wakes(path: Path) -> None:
    write_file(path)
    with FileWatch(path) as watch:
        watch.wait(PATIENCE_S)
        path.unlink()
        path.parent.rmdir()
        while watch.wait(0.01):
            pass
        path.parent.mkdir()
        path.write_text("new")
        assert watch.wait(PATIENCE_S)


@ON_LINUX
def test_a_follower_wakes_within_a_tenth_of_a_second(path: Path) -> None:
    write_file(path)
    delays: list[float] = []
    with FileWatch(path) as watch, path.open("ab", buffering=0) as file:
        watch.wait(PATIENCE_S)
        for _ in range(20):
            with waiting(watch) as woken:
                start = time.monotonic()
                file.write(b"x")
            delays.append(woken[0] - start)
    assert statistics.median(delays) < 0.1


@ON_LINUX
def test_the_system_wakes_here() -> None:
    assert find_obstacle() is None


@ON_LINUX
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param("os.closerange(8, 4096)", id="every descriptor is closed while it watches"),
        pytest.param("", id="the system grants no watch"),
    ],
)
def test_without_a_watch_the_file_is_looked_at(path: Path, spoil: str) -> None:
    write_file(path)
    code = """
        import os, resource, sys, threading
        from synapse_core.runs.wake import FileWatch, find_obstacle
        path, spoil = sys.argv[1:]
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        if not spoil:
            # No more descriptors: the kernel refuses as it does when the limit on watches is met.
            resource.setrlimit(resource.RLIMIT_NOFILE, (file + 1, file + 1))
            assert find_obstacle() is not None
        with FileWatch(path) as watch:
            assert watch.wait(0)
            exec(spoil)
            while watch.wait(0):
                pass
            threading.Timer(0.02, os.write, (file, b"x")).start()
            assert watch.wait(20)
    """
    run_script(code, path, spoil)


def test_waiting_belongs_inside_the_with_statement(path: Path) -> None:
    with pytest.raises(RuntimeError, match="inside the with statement"):
        FileWatch(path).wait(0)

"""Events on their way to a service that comes, goes and forgets."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from synapse_core.config.home import Home
from synapse_core.errors import LeaseLostError, StoreUnavailableError
from synapse_core.model.event import Event, EventKind
from synapse_core.ports import EventSink
from synapse_core.runs.ingestion import Ingestion
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.processes import this_worker
from synapse_core.runs.reading import Journals
from synapse_core.runs.shipped_journal import (
    Leftover,
    ShippedJournal,
    find_leftovers,
    send_leftovers,
)
from synapse_core.runs.shipping import Shipper
from synapse_core.testing.contracts.event_sink import EventSinkContract

RUN = "20260101-000000-00000001"
GONE = "elsewhere-boot:1:1"


class Far:
    """A service on another disk, that may be away."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.ingestion = Ingestion(home)
        self.away = False
        self.answers_get_lost = 0
        self.owner_is_known = True
        self.sizes: list[int] = []
        self.called = threading.Semaphore(0)

    def append(self, batch: bytes) -> int:
        self.called.release()
        self.sizes.append(len(batch))
        if self.away:
            raise StoreUnavailableError("away")
        last = self.ingestion.append(RUN, batch, may_add=self.owner_is_known)
        if self.answers_get_lost and batch:
            self.answers_get_lost -= 1
            raise StoreUnavailableError("the answer was lost")
        return last

    def seqs(self) -> list[int]:
        return [event.seq for event in Journals(self.home).read(RUN, limit=100_000).items]


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    far = Far(Home(tmp_path / "far"))
    yield far
    far.ingestion.close()


@pytest.fixture
def near(tmp_path: Path) -> Home:
    home = Home(tmp_path / "near")
    home.run_dir(RUN).mkdir(parents=True)
    return home


def leftover(worker: str | None = None) -> Leftover:
    return Leftover(RUN, "me", "http://service", worker or str(this_worker()))


def say(sink: EventSink, count: int) -> None:
    for number in range(count):
        sink.emit(EventKind.LOG, {"level": "info", "message": f"line {number}"})


class TestShippedJournal(EventSinkContract):
    @pytest.fixture
    def sink(self, near: Home, far: Far) -> Iterator[EventSink]:
        with ShippedJournal(near, leftover(), far) as journal:
            yield journal

    @pytest.fixture
    def recorded(self, sink: ShippedJournal, far: Far) -> Callable[[], Sequence[Event]]:
        def read() -> Sequence[Event]:
            assert sink.flush(10)
            return Journals(far.home).read(RUN).items

        return read


def test_the_service_gets_the_very_bytes(near: Home, far: Far) -> None:
    with ShippedJournal(near, leftover(), far) as journal:
        say(journal, 100)
        assert journal.flush(10)

        assert far.home.journal(RUN).read_bytes() == near.journal(RUN).read_bytes()


def test_a_service_that_is_away_loses_nothing(near: Home, far: Far) -> None:
    far.away = True
    with ShippedJournal(near, leftover(), far) as journal:
        say(journal, 50)
        assert far.called.acquire(timeout=10)
        assert not journal.flush(0.01)
        far.away = False
        assert journal.flush(10)

    assert far.seqs() == list(range(1, 51))


def test_an_answer_that_was_lost_doubles_nothing(near: Home, far: Far) -> None:
    far.answers_get_lost = 3
    with ShippedJournal(near, leftover(), far) as journal:
        say(journal, 50)
        assert journal.flush(10)

    assert far.seqs() == list(range(1, 51))


def test_a_service_that_lost_events_gets_them_again(near: Home, far: Far) -> None:
    with ShippedJournal(near, leftover(), far) as journal:
        say(journal, 20)
        assert journal.flush(10)
        far.ingestion.close()
        lines = far.home.journal(RUN).read_bytes().splitlines(keepends=True)
        far.home.journal(RUN).write_bytes(b"".join(lines[:5]))
        say(journal, 1)
        assert journal.flush(10)

    assert far.seqs() == list(range(1, 22))


def test_memory_has_a_bound_whatever_waits_on_disk(near: Home, far: Far) -> None:
    with JournalWriter.open(near.journal(RUN)) as writer:
        for _ in range(40):
            writer.emit(EventKind.CHECKPOINT, {"name": "x", "state": {"text": "y" * 50_000}})
    with Shipper(near.journal(RUN), far) as shipper:
        assert shipper.flush(20)

    assert far.seqs() == list(range(1, 41))
    assert max(far.sizes) <= 1 << 19


def test_a_line_longer_than_a_batch_is_sent_whole(near: Home, far: Far) -> None:
    with JournalWriter.open(near.journal(RUN)) as writer:
        writer.emit(EventKind.OUTPUT, {"result": "y" * 3_000_000})
    with Shipper(near.journal(RUN), far) as shipper:
        assert shipper.flush(20)

    assert far.seqs() == [1]


def test_events_of_a_run_that_is_no_longer_ours_are_refused(near: Home, far: Far) -> None:
    far.owner_is_known = False
    with ShippedJournal(near, leftover(), far) as journal:
        say(journal, 1)
        with pytest.raises(LeaseLostError):
            journal.flush(10)


def test_what_a_dead_process_left_is_sent_by_the_next(near: Home, far: Far) -> None:
    far.away = True
    journal = ShippedJournal(near, leftover(GONE), far)
    say(journal, 30)
    assert not journal.close(0.01)
    far.away = False

    assert [left.run_id for left in find_leftovers(near)] == [RUN]
    assert send_leftovers(near, lambda _left: far) == {RUN: True}
    assert far.seqs() == list(range(1, 31))
    assert send_leftovers(near, lambda _left: far) == {}


def test_what_the_service_refuses_stays_and_is_not_sent_again(near: Home, far: Far) -> None:
    far.away = True
    journal = ShippedJournal(near, leftover(GONE), far)
    say(journal, 3)
    journal.close(0.01)
    far.away, far.owner_is_known = False, False

    assert send_leftovers(near, lambda _left: far) == {RUN: False}
    assert send_leftovers(near, lambda _left: far) == {}
    told = json.loads((near.run_dir(RUN) / "shipping.refused.json").read_text())
    assert told["code"] == "lease_lost"
    assert [event.seq for event in Journals(near).read(RUN).items] == [1, 2, 3]


def test_a_process_that_is_alive_sends_its_own(near: Home, far: Far) -> None:
    far.away = True
    alive = ShippedJournal(near, leftover(f"{this_worker()}"), far)
    say(alive, 1)

    assert list(find_leftovers(near)) == []
    alive.close(0.01)


_WORKER = """
import os, signal, sys, time
from pathlib import Path
from synapse_core.config.home import Home
from synapse_core.model.event import EventKind
from synapse_core.runs.ingestion import Ingestion
from synapse_core.runs.processes import this_worker
from synapse_core.runs.shipped_journal import Leftover, ShippedJournal

class Slow:
    def __init__(self): self.ingestion = Ingestion(Home(Path(sys.argv[2])))
    def append(self, batch):
        time.sleep(0.2)
        return self.ingestion.append("RUN", batch)

left = Leftover("RUN", "me", "http://service", str(this_worker()))
journal = ShippedJournal(Home(Path(sys.argv[1])), left, Slow())
journal.close_at_exit()
for number in range(2000):
    journal.emit(EventKind.LOG, {"message": str(number)})
print("said", flush=True)
if sys.argv[3] == "wait":
    time.sleep(60)
""".replace("RUN", RUN)


@pytest.mark.parametrize("end", ["exit", "SIGTERM"])
def test_a_process_that_ends_sends_its_last_events(near: Home, far: Far, end: str) -> None:
    words = [sys.executable, "-c", _WORKER, str(near.root), str(far.home.root)]
    wait = "wait" if end == "SIGTERM" else "no"
    worker = subprocess.Popen([*words, wait], stdout=subprocess.PIPE, text=True)
    with worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "said\n"
        if end == "SIGTERM":
            worker.send_signal(signal.SIGTERM)
        code = worker.wait(30)

    assert code == (-signal.SIGTERM if end == "SIGTERM" else 0)
    assert far.seqs() == list(range(1, 2001))
    assert list(find_leftovers(near)) == []


def test_a_killed_process_leaves_what_the_next_one_sends(near: Home, far: Far) -> None:
    words = [sys.executable, "-c", _WORKER, str(near.root), str(far.home.root), "wait"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(30)

    assert send_leftovers(near, lambda _left: far) == {RUN: True}
    assert far.seqs() == list(range(1, 2001))

"""Following runs as server-sent events."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from synapse_core.clients.sse import EventParser, SentEvent
from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, RunStatus
from synapse_core.runs.journal import JournalWriter
from synapse_core.service.limits import Limits
from synapse_core.testing.contracts.runs import a_run
from synapse_core.testing.service import READ_TOKEN, serving
from synapse_core.workspace import Workspace, open_workspace

RUN = "20260101-000000-00000001"
_TOKEN = {"Authorization": f"Bearer {READ_TOKEN}"}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path, (), environ={}) as workspace:
        workspace.runs.create(a_run(id=RUN, executor="elsewhere"))
        workspace.runs.claim(RUN, owner="me", lease_s=600)
        yield workspace


@pytest.fixture
def url(workspace: Workspace) -> Iterator[str]:
    with serving(workspace, limits=Limits(heartbeat_s=0.2)) as url:
        yield url


@pytest.fixture
def writer(workspace: Workspace) -> Iterator[JournalWriter]:
    folder = workspace.home.run_dir(RUN)
    folder.mkdir(parents=True, exist_ok=True)
    with JournalWriter.open(folder / "journal.jsonl") as writer:
        yield writer


def say(writer: JournalWriter, count: int, size: int = 10) -> None:
    for _ in range(count):
        writer.emit(EventKind.LOG, {"level": "info", "message": "x" * size})


def end(workspace: Workspace, writer: JournalWriter) -> None:
    writer.emit(EventKind.STATUS, {"status": "succeeded", "attempt": 1})
    workspace.runs.finish(RUN, Outcome(RunStatus.SUCCEEDED), owner="me")


class Follower:
    """Reads a stream in a thread."""

    def __init__(self, url: str, *, after: str | None = None, query: str = "") -> None:
        headers = {**_TOKEN, **({"Last-Event-ID": after} if after else {})}
        self.events: list[SentEvent] = []
        self.raw = b""
        self._changed = threading.Condition()
        self._address = f"{url}/api/v1/runs/{RUN}/events/stream{query}"
        self._headers = headers
        self.ended = False
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        parser = EventParser()
        with httpx2.stream("GET", self._address, headers=self._headers, timeout=30) as answer:
            assert answer.status_code == 200
            for piece in answer.iter_bytes():
                with self._changed:
                    self.raw += piece
                    self.events += parser.feed(piece)
                    self._changed.notify_all()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def wait_for(self, done: Callable[["Follower"], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: done(self), 20), self.events[-3:]

    def seqs(self) -> list[int]:
        return [
            int(e.data.split(":", 1)[1].split(",")[0])
            for e in self.events
            if e.id and e.data != "{}"
        ]


def test_events_come_as_they_are_written_until_the_run_has_ended(
    workspace: Workspace, url: str, writer: JournalWriter
) -> None:
    say(writer, 3)
    follower = Follower(url)
    follower.wait_for(lambda f: len(f.events) == 3)
    say(writer, 2)
    follower.wait_for(lambda f: len(f.events) == 5)
    end(workspace, writer)
    follower.wait_for(lambda f: f.ended)

    assert follower.seqs() == [1, 2, 3, 4, 5, 6]
    assert [event.event for event in follower.events] == ["log"] * 5 + ["status", "end"]
    assert len({event.id for event in follower.events}) == 6


def test_a_follower_goes_on_behind_the_last_event_it_has_seen(
    workspace: Workspace, url: str, writer: JournalWriter
) -> None:
    say(writer, 10)
    first = Follower(url)
    first.wait_for(lambda f: len(f.events) >= 10)
    end(workspace, writer)
    first.wait_for(lambda f: f.ended)
    again = Follower(url, after=first.events[6].id)
    again.wait_for(lambda f: f.ended)

    assert again.seqs() == [8, 9, 10, 11]


def test_a_run_that_says_nothing_is_followed_before_its_first_word_and_heartbeats_come(
    workspace: Workspace, url: str
) -> None:
    follower = Follower(url)
    follower.wait_for(lambda f: f.raw.count(b": still here") >= 2)
    folder = workspace.home.run_dir(RUN)
    with JournalWriter.open(folder / "journal.jsonl") as writer:
        end(workspace, writer)
    follower.wait_for(lambda f: f.ended)

    assert follower.seqs() == [1]


def test_the_end_of_a_run_that_never_said_a_word_is_told(workspace: Workspace, url: str) -> None:
    follower = Follower(url)
    follower.wait_for(lambda f: b"still here" in f.raw)
    workspace.runs.finish(RUN, Outcome(RunStatus.CANCELLED), owner="me")
    follower.wait_for(lambda f: f.ended)

    assert [event.event for event in follower.events] == ["end"]


def test_only_kinds_that_were_asked_for_come(
    workspace: Workspace, url: str, writer: JournalWriter
) -> None:
    say(writer, 2)
    writer.emit(EventKind.METRICS, {"category": "a", "values": {}})
    follower = Follower(url, query="?kinds=metrics,status")
    follower.wait_for(lambda f: len(f.events) == 1)
    say(writer, 2)
    end(workspace, writer)
    follower.wait_for(lambda f: f.ended)

    assert follower.seqs() == [3, 6]


def test_a_follower_far_behind_gets_every_event(
    workspace: Workspace, url: str, writer: JournalWriter
) -> None:
    present = Follower(url)
    present.wait_for(lambda f: bool(f.raw))
    say(writer, 3000, size=1000)  # three times what a channel keeps
    present.wait_for(lambda f: len(f.events) == 3000)
    late = Follower(url)
    late.wait_for(lambda f: len(f.events) == 3000)
    end(workspace, writer)
    for follower in (present, late):
        follower.wait_for(lambda f: f.ended)
        assert follower.seqs() == list(range(1, 3002))


def test_a_line_longer_than_a_block_comes_whole(
    workspace: Workspace, url: str, writer: JournalWriter
) -> None:
    follower = Follower(url)
    writer.emit(EventKind.OUTPUT, {"result": "y" * 300_000})
    follower.wait_for(lambda f: len(f.events) == 1)
    end(workspace, writer)
    follower.wait_for(lambda f: f.ended)

    assert len(follower.events[0].data) > 300_000


def test_a_follower_that_does_not_read_slows_nobody(
    workspace: Workspace, url: str, writer: JournalWriter
) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as stuck:
        stuck.sendall(
            f"GET /api/v1/runs/{RUN}/events/stream HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Authorization: Bearer {READ_TOKEN}\r\n\r\n".encode()
        )
        stuck.recv(1)
        follower = Follower(url)
        follower.wait_for(lambda f: bool(f.raw))
        say(writer, 8000, size=1000)  # more than sockets hold
        started = time.monotonic()
        follower.wait_for(lambda f: len(f.events) == 8000)
        writer.emit(EventKind.MESSAGE, {"level": "info", "message": "quick"})
        follower.wait_for(lambda f: len(f.events) == 8001)

        assert time.monotonic() - started < 15
        end(workspace, writer)
        follower.wait_for(lambda f: f.ended)


def test_many_follow_at_once_and_each_gets_all(
    workspace: Workspace, url: str, writer: JournalWriter
) -> None:
    count = 200
    host, port = url.removeprefix("http://").split(":")
    request = (
        f"GET /api/v1/runs/{RUN}/events/stream HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Authorization: Bearer {READ_TOKEN}\r\n\r\n"
    ).encode()
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_connection((host, int(port)))) for _ in range(count)
        ]
        for each in sockets:
            each.sendall(request)
        say(writer, 20)
        end(workspace, writer)
        texts = [_all_of(each) for each in sockets]

    assert {text.count(b"\nevent: log\n") for text in texts} == {20}
    assert {text.count(b"event: end\n") for text in texts} == {1}


def _all_of(connection: socket.socket) -> bytes:
    connection.settimeout(30)
    text = b""
    while b"event: end" not in text:
        piece = connection.recv(1 << 16)
        assert piece, text[-200:]
        text += piece
    return text


def test_a_damaged_journal_is_told_in_the_stream(workspace: Workspace, url: str) -> None:
    folder = workspace.home.run_dir(RUN)
    folder.mkdir(parents=True, exist_ok=True)
    with JournalWriter.open(folder / "journal.jsonl") as writer:
        say(writer, 2)
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(b"this is no event\n")
    follower = Follower(url)
    follower.wait_for(lambda f: f.ended)

    assert [event.event for event in follower.events] == ["log", "log", "problem"]
    assert "journal_failed" in follower.events[-1].data


@pytest.mark.parametrize("after", ["x", "v1.0.00000000"])
def test_what_is_no_cursor_is_refused(url: str, after: str) -> None:
    address = f"{url}/api/v1/runs/{RUN}/events/stream"
    answer = httpx2.get(address, headers={**_TOKEN, "Last-Event-ID": after})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


def test_streams_have_a_bound(workspace: Workspace, writer: JournalWriter) -> None:
    with serving(workspace, limits=Limits(max_followers=1)) as url:
        follower = Follower(url)
        follower.wait_for(lambda f: bool(f.raw))
        refused = httpx2.get(f"{url}/api/v1/runs/{RUN}/events/stream", headers=_TOKEN)
        end(workspace, writer)
        follower.wait_for(lambda f: f.ended)

    assert refused.status_code == 429


def test_a_service_that_stops_ends_its_streams_without_an_end(
    workspace: Workspace, writer: JournalWriter
) -> None:
    with serving(workspace) as url:
        say(writer, 1)
        follower = Follower(url)
        follower.wait_for(lambda f: len(f.events) == 1)
    follower.thread.join(20)

    assert follower.ended
    assert [event.event for event in follower.events] == ["log"]

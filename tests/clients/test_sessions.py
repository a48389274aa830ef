"""How clients meet services that fail, stall, and come back."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.clients.async_session import AsyncSession
from synapse_core.clients.call import Call, pause_s, run_path
from synapse_core.clients.problem import error_of
from synapse_core.clients.sse import EventParser
from synapse_core.clients.sync_session import Session
from synapse_core.errors import (
    InvalidInputError,
    LeaseLostError,
    NotFoundError,
    RateLimitedError,
    StoreUnavailableError,
    SynapseError,
)
from synapse_core.service.problems import problem_response

ROOT = Path(__file__).parents[2]


class Fickle:
    """A server that answers by a script: a status, None to hang up, or bytes of a stream."""

    def __init__(self) -> None:
        self.script: list[int | bytes | tuple[int, dict[str, str]] | None] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.asked.append((self.command, self.path, dict(self.headers)))
                told = outer.script.pop(0) if outer.script else 200
                if told is None:
                    self.close_connection = True
                    return
                if isinstance(told, bytes):
                    self.send_response(200)
                    self.send_header("Content-Type", "text/event-stream")
                    self.end_headers()
                    self.wfile.write(told)
                    self.close_connection = True
                    return
                status, headers = told if isinstance(told, tuple) else (told, {})
                body = json.dumps({"ok": True}).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _answer  # noqa: N815 - names that the base class looks for

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def fickle() -> Iterator[Fickle]:
    server = Fickle()
    yield server
    server.close()


def sync_call(url: str, call: Call) -> object:
    with Session(url, "t" * 16) as session:
        return session.call(call)


def async_call(url: str, call: Call) -> object:
    async def make() -> object:
        async with AsyncSession(url, "t" * 16) as session:
            return await session.call(call)

    return asyncio.run(make())


both = pytest.mark.parametrize("make", [sync_call, async_call])
_Make = Callable[[str, Call], object]

READ = Call(method="GET", path="/x")
ONCE = Call(method="POST", path="/x", body={}, repeats=False)


@both
@pytest.mark.parametrize("script", [[503, 502, None, 200], [None, 504, 200], [200]])
def test_what_may_be_repeated_is_made_again(
    fickle: Fickle, make: _Make, script: list[int | None]
) -> None:
    fickle.script = list(script)

    assert make(fickle.url, READ) == {"ok": True}
    assert len(fickle.asked) == len(script)


@both
@pytest.mark.parametrize("failure", [503, None])
def test_what_might_happen_twice_is_made_once(
    fickle: Fickle, make: _Make, failure: int | None
) -> None:
    fickle.script = [failure, 200]

    with pytest.raises(StoreUnavailableError):
        make(fickle.url, ONCE)
    assert len(fickle.asked) == 1


@both
def test_who_asks_too_often_waits_as_told_and_asks_again(fickle: Fickle, make: _Make) -> None:
    fickle.script = [(429, {"Retry-After": "0.01"}), 200]

    assert make(fickle.url, ONCE) == {"ok": True}
    assert len(fickle.asked) == 2


@both
def test_who_would_have_to_wait_too_long_is_told(fickle: Fickle, make: _Make) -> None:
    fickle.script = [(429, {"Retry-After": "600"})]

    with pytest.raises(RateLimitedError):
        make(fickle.url, READ)


@both
@pytest.mark.parametrize("status", [400, 404, 409, 500])
def test_a_refusal_is_not_asked_again(fickle: Fickle, make: _Make, status: int) -> None:
    fickle.script = [status]

    with pytest.raises(SynapseError):
        make(fickle.url, READ)
    assert len(fickle.asked) == 1


@both
def test_the_token_is_sent_with_every_call(fickle: Fickle, make: _Make) -> None:
    make(fickle.url, READ)

    assert fickle.asked[0][2]["Authorization"] == f"Bearer {'t' * 16}"


def _frame(number: int) -> bytes:
    return f'id: c{number}\nevent: log\ndata: {{"seq":{number}}}\n\n'.encode()


def _follow(url: str) -> list[str]:
    with Session(url) as session:
        return [event.data for event in session.follow("/stream", after="c0")]


def _follow_async(url: str) -> list[str]:
    async def follow() -> list[str]:
        async with AsyncSession(url) as session:
            return [event.data async for event in session.follow("/stream", after="c0")]

    return asyncio.run(follow())


@pytest.mark.parametrize("follow", [_follow, _follow_async])
def test_a_stream_that_breaks_goes_on_without_loss_or_repeat(
    fickle: Fickle, follow: Callable[[str], list[str]]
) -> None:
    fickle.script = [
        _frame(1) + _frame(2) + b"id: c3\nevent: log\nda",
        None,
        503,
        b": still here\n\n" + _frame(3),
        _frame(4) + b"event: end\ndata: {}\n\n",
    ]

    assert follow(fickle.url) == [f'{{"seq":{number}}}' for number in (1, 2, 3, 4)]
    assert [headers["Last-Event-ID"] for _, _, headers in fickle.asked] == [
        "c0",
        "c2",
        "c2",
        "c2",
        "c3",
    ]


def test_a_problem_in_a_stream_is_raised_as_the_error_it_was(fickle: Fickle) -> None:
    problem = bytes(problem_response(LeaseLostError("gone")).body)
    fickle.script = [b"event: problem\ndata: " + problem + b"\n\n"]

    with pytest.raises(LeaseLostError, match="gone"):
        _follow(fickle.url)


def _leaves(kind: type[SynapseError]) -> Iterator[type[SynapseError]]:
    for inner in kind.__subclasses__():
        if inner.__module__ == SynapseError.__module__:
            yield inner
            yield from _leaves(inner)


LEAVES = {kind.code: kind for kind in _leaves(SynapseError)}


@pytest.mark.parametrize("kind", LEAVES.values(), ids=LEAVES)
def test_every_error_comes_back_as_what_it_was(kind: type[SynapseError]) -> None:
    error = kind.rebuild("It failed \udc80.", "Mend it.", {"path": "/x", "list": [1, None]})
    answer = problem_response(error)
    again = error_of(answer.status_code, bytes(answer.body), "http://x")

    assert type(again) is kind
    assert (again.message, again.hint, again.data) == (error.message, error.hint, error.data)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b"<html>", NotFoundError),
        (502, b"", StoreUnavailableError),
        (400, b"[]", InvalidInputError),
        (418, b'{"detail": "I am a teapot"}', SynapseError),
    ],
)
def test_an_answer_of_something_else_is_an_error_too(
    status: int, body: bytes, kind: type[SynapseError]
) -> None:
    assert isinstance(error_of(status, body, "http://x"), kind)


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "a", "b"]), st.text(alphabet="xyü \u2028", min_size=1)),
        max_size=5,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 20),
)
def test_a_stream_reads_the_same_in_pieces_of_any_size(
    events: list[tuple[str, str]], newline: str, size: int
) -> None:
    text = newline.join(
        f"id: {number}{newline}event: {name}{newline}data: {data}{newline}"
        for number, (name, data) in enumerate(events)
    )
    raw = (text + newline).encode()
    parser = EventParser()
    read = [
        event
        for start in range(0, len(raw), size)
        for event in parser.feed(raw[start : start + size])
    ]

    assert [(event.event, event.data) for event in read] == [
        (name or "message", data) for name, data in events
    ]
    assert [event.id for event in read] == [str(number) for number in range(len(events))]


def test_lines_of_one_event_are_joined_with_newlines() -> None:
    (event,) = EventParser().feed(b"data: a\ndata: b\ndata:c\nodd: x\n\n")

    assert event.data == "a\nb\nc"


def test_pauses_grow_and_have_a_bound() -> None:
    assert all(0 < pause_s(failures) <= 2.0 for failures in range(1, 100))
    assert max(pause_s(1) for _ in range(50)) < min(pause_s(20) for _ in range(50))


def test_a_run_is_named_safely_in_a_path() -> None:
    assert run_path("a/b?c#d", "logs") == "/api/v1/runs/a%2Fb%3Fc%23d/logs"


def test_the_client_without_an_event_loop_is_made_of_the_other() -> None:
    script = ROOT / "scripts" / "make-sync-clients"
    done = subprocess.run(
        [sys.executable, script, "--check"], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr

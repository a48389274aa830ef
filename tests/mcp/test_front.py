"""The front answers what is on record, keeps the rest for the server, and never answers twice."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_mcp.front.desk import attend
from synapse_mcp.front.key import record_key, record_path
from synapse_mcp.front.receptionist import Receptionist
from synapse_mcp.front.record import LISTS, Record, load_record, store_record

LEGACY, MODERN = "2025-11-25", "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
RECORD = Record(
    handshakes={
        LEGACY: {
            "initialize": '{"protocolVersion":"2025-11-25"}',
            **{method: json.dumps({"of": f"{LEGACY} {method}"}) for method in LISTS},
        }
    },
    modern={
        MODERN: {
            method: json.dumps({"of": f"{MODERN} {method}"})
            for method in ("server/discover", *LISTS)
        }
    },
)


def frame(method: str, params: dict[str, Any] | None = None, *, id: Any = 1) -> bytes:  # noqa: A002, ANN401 - as the protocol calls it; anything a client may send
    content: dict[str, Any] = {"jsonrpc": "2.0", "id": id, "method": method}
    if params is not None:
        content["params"] = params
    return json.dumps(content).encode() + b"\n"


def hello(version: str = LEGACY, **other: Any) -> bytes:  # noqa: ANN401 - anything a client may send
    client = {"name": "test", "version": "1"}
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": client, **other}
    return frame("initialize", params, id="hello")


def read(answer: bytes | None) -> dict[str, Any]:
    assert answer is not None
    assert answer.endswith(b"\n")
    assert answer.count(b"\n") == 1
    return json.loads(answer)


def test_a_handshake_is_answered_and_kept_for_the_server() -> None:
    front = Receptionist(RECORD)

    answer = read(front.take(hello()))

    assert answer == {"jsonrpc": "2.0", "id": "hello", "result": {"protocolVersion": LEGACY}}
    assert front.handover.frames == hello()
    assert front.handover.answered == {"hello"}


def test_after_the_handshake_lists_are_answered_in_its_version_and_forgotten() -> None:
    front = Receptionist(RECORD)
    front.take(hello())

    answers = [read(front.take(frame(method, id=n))) for n, method in enumerate(LISTS)]

    assert [answer["result"]["of"] for answer in answers] == [f"{LEGACY} {m}" for m in LISTS]
    assert [answer["id"] for answer in answers] == [0, 1, 2, 3]
    assert front.handover.frames == hello()


def test_a_request_that_carries_its_version_needs_no_handshake() -> None:
    front = Receptionist(RECORD)

    for method in ("server/discover", *LISTS):
        answer = read(front.take(frame(method, {"_meta": META})))
        assert answer["result"]["of"] == f"{MODERN} {method}"

    assert front.handover.frames == b""
    assert front.handover.answered == set()


def test_a_wish_to_be_told_of_lists_is_acknowledged_and_kept() -> None:
    front = Receptionist(RECORD)
    wanted = {"toolsListChanged": True, "promptsListChanged": True}
    listen = frame("subscriptions/listen", {"_meta": META, "notifications": wanted}, id=7)

    told = read(front.take(listen))

    assert told["method"] == "notifications/subscriptions/acknowledged"
    assert told["params"]["notifications"] == wanted
    assert told["params"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": 7}
    assert "id" not in told
    assert front.handover.frames == listen
    assert front.handover.answered == {7}


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(frame("tools/call", {"name": "run_list", "_meta": META}), id="a call"),
        pytest.param(frame("tools/list", {"cursor": "x", "_meta": META}), id="a later page"),
        pytest.param(frame("tools/list"), id="a list before the handshake"),
        pytest.param(hello("1999-01-01"), id="a handshake in an unknown version"),
        pytest.param(hello(clientInfo={"name": "test"}), id="a handshake that must be refused"),
        pytest.param(hello(protocolVersion=3), id="a version that is a number"),
        pytest.param(
            frame("tools/list", {"_meta": {**META, "io.modelcontextprotocol/clientInfo": 3}}),
            id="half an envelope",
        ),
        pytest.param(
            frame("tools/list", {"_meta": {"io.modelcontextprotocol/protocolVersion": MODERN}}),
            id="an envelope without client",
        ),
        pytest.param(
            frame(
                "subscriptions/listen",
                {"_meta": META, "notifications": {"resourceSubscriptions": ["run://x"]}},
            ),
            id="a subscription to a resource",
        ),
        pytest.param(frame("ping", {"_meta": META}), id="a ping of an era that has none"),
        pytest.param(frame("tools/list", {"_meta": META}, id=None), id="no id"),
        pytest.param(frame("tools/list", {"_meta": META}, id=True), id="an id that is no id"),
        pytest.param(frame("tools/list", {"_meta": META}, id=[1]), id="an id that is a list"),
        pytest.param(b"[]\n", id="a batch"),
        pytest.param(b"not json\n", id="no JSON"),
        pytest.param(b"\n", id="an empty line"),
        pytest.param(b"[" * 5000 + b"\n", id="deep nesting"),
        pytest.param(b'{"jsonrpc": "2.0", "x": "' + b"x" * 100_000 + b'"}\n', id="a long line"),
        pytest.param(b'{"id": 1, "method": "tools/list"}\n', id="no JSON-RPC"),
    ],
)
def test_whatever_is_not_on_record_is_left_to_the_server(line: bytes) -> None:
    front = Receptionist(RECORD)

    assert front.take(line) is None
    assert front.handover.frames == line
    assert front.handover.answered == set()


def test_a_handshake_behind_another_request_is_left_to_the_server() -> None:
    """The first request decides the era; answering the second one would decide it otherwise."""
    front = Receptionist(RECORD)
    front.take(frame("tools/list"))

    assert front.take(hello()) is None
    assert front.take(frame("tools/list", id=2)) is None


def test_a_second_handshake_is_left_to_the_server() -> None:
    front = Receptionist(RECORD)
    front.take(hello())

    assert front.take(hello()) is None


@given(
    lines=st.lists(
        st.sampled_from(
            [
                hello(),
                frame("ping"),
                frame("tools/list"),
                frame("tools/call", {"name": "x"}),
                frame("tools/list", {"_meta": META}),
                frame("resources/read", {"uri": "x"}),
                frame("notifications/initialized"),
                b"garbage\n",
            ]
        ),
        max_size=12,
    )
)
def test_each_line_is_answered_or_kept_in_order(lines: list[bytes]) -> None:
    front = Receptionist(RECORD)

    kept = b""
    for line in lines:
        answer = front.take(line)
        if answer is None or b'"initialize"' in line:
            kept += line

    assert front.handover.frames == kept


def test_a_record_is_read_as_it_was_stored(tmp_path: Path) -> None:
    path = str(tmp_path / "cache" / "record.json")

    store_record(path, "key", RECORD)

    assert load_record(path, "key") == RECORD
    assert [file.name for file in Path(path).parent.iterdir()] == ["record.json"]


def test_a_record_for_something_else_is_not_used(tmp_path: Path) -> None:
    path = str(tmp_path / "record.json")
    store_record(path, "key", RECORD)

    assert load_record(path, "other key") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"format": 1, "key": "key"}',
        b'{"format": 2, "key": "key", "handshakes": {}, "modern": {}}',
        b'{"format": 1, "key": "key", "handshakes": {"x": 3}, "modern": {}}',
        b'{"format": 1, "key": "key", "handshakes": {"x": {"y": 3}}, "modern": {}}',
        b"[" * 100_000,
    ],
)
def test_a_broken_record_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(content)

    assert load_record(str(path), "key") is None
    assert load_record(str(tmp_path / "missing.json"), "key") is None


def test_flags_and_homes_have_records_of_their_own() -> None:
    keys = {record_key(flags) for flags in ([], ["--read-only"], ["--root", "a"], ["--root a"])}

    assert len(keys) == 4
    assert record_path("key", {"SYNAPSE_HOME": "/a"}) != record_path("key", {"SYNAPSE_HOME": "/b"})
    assert record_path("key", {"SYNAPSE_HOME": "/a"}).startswith("/a/cache/")


class Pipes:
    """The two ends of a wire."""

    def __init__(self) -> None:
        self.read_fd, self.client_out = os.pipe()
        self.client_in, self.write_fd = os.pipe()

    def say(self, data: bytes) -> None:
        os.write(self.client_out, data)

    def hear(self) -> bytes:
        return os.read(self.client_in, 1 << 16)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    yield made
    for fd in (made.read_fd, made.client_out, made.client_in, made.write_fd):
        with contextlib.suppress(OSError):  # the test closed it
            os.close(fd)


def test_frames_that_come_in_pieces_are_put_together(pipes: Pipes) -> None:
    whole = frame("tools/list", {"_meta": META})

    def load() -> None:
        pipes.say(whole[:10])
        pipes.say(whole[10:] + b'{"unfinished')
        assert json.loads(pipes.hear())["result"]["of"] == f"{MODERN} tools/list"

    handover = attend(RECORD, load, read_fd=pipes.read_fd, write_fd=pipes.write_fd)

    assert handover.frames == b'{"unfinished'
    assert not handover.is_closed


def test_a_client_that_leaves_is_not_made_to_wait_for_the_import(pipes: Pipes) -> None:
    os.close(pipes.client_out)
    never, end_of_test = os.pipe()

    handover = attend(
        RECORD, lambda: void(os.read(never, 1)), read_fd=pipes.read_fd, write_fd=pipes.write_fd
    )

    assert handover.is_closed
    os.close(end_of_test)


def test_requests_of_a_client_that_has_closed_its_end_are_handed_over(pipes: Pipes) -> None:
    call = frame("tools/call", {"name": "run_list", "_meta": META})
    pipes.say(call)
    os.close(pipes.client_out)

    handover = attend(RECORD, lambda: None, read_fd=pipes.read_fd, write_fd=pipes.write_fd)

    # Whether the import or the client was first, nothing is lost: the rest is still on the wire.
    left = os.read(pipes.read_fd, 1 << 16) if not handover.is_closed else b""
    assert handover.frames + left == call


def test_an_import_that_fails_is_raised_where_the_server_would_start(pipes: Pipes) -> None:
    def load() -> None:
        raise ImportError("no SDK")

    with pytest.raises(ImportError, match="no SDK"):
        attend(RECORD, load, read_fd=pipes.read_fd, write_fd=pipes.write_fd)


def void(_value: object) -> None:
    """Return nothing."""

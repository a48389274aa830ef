"""Frames cross the wire whole and in order, however slowly the other end reads or writes."""

import contextlib
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCNotification

from synapse_mcp.front.receptionist import Handover
from synapse_mcp.server.wire import MAX_UNREAD_BYTES, FramesIn, FramesOut

pytestmark = pytest.mark.anyio

LARGE = "x" * 300_000
"""More than any pipe holds."""


class Pipe:
    """Both ends of a pipe, closed at the end of the test."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()

    def close(self) -> None:
        for descriptor in (self.read_fd, self.write_fd):
            with contextlib.suppress(OSError):  # the test has closed it
                os.close(descriptor)


@pytest.fixture
def pipe() -> Generator[Pipe]:
    made = Pipe()
    yield made
    made.close()


@pytest.fixture
def nobody() -> Generator[FramesOut]:
    """A way back that nothing is sent on."""
    made = Pipe()
    yield FramesOut(made.write_fd)
    made.close()


def message(text: str) -> SessionMessage:
    return SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="told", params={"text": text}))


def line(text: str) -> bytes:
    return b'{"jsonrpc":"2.0","method":"told","params":{"text":"%b"}}' % text.encode()


def text_of(frame: SessionMessage | Exception) -> str:
    assert isinstance(frame, SessionMessage)
    params: Any = getattr(frame.message, "params", None)
    return params["text"]


async def read_frames(fd: int, count: int) -> list[str]:
    def read() -> list[str]:
        with os.fdopen(os.dup(fd), "rb") as file:
            return [json.loads(file.readline())["params"]["text"] for _ in range(count)]

    return await anyio.to_thread.run_sync(read)


async def test_frames_that_no_pipe_holds_arrive_whole_and_in_order(pipe: Pipe) -> None:
    out = FramesOut(pipe.write_fd)
    texts = [f"{number}{LARGE}" for number in range(5)]
    arrived: list[str] = []

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(out.pump)
        for text in texts:
            tasks.start_soon(out.send, message(text))
        arrived += await read_frames(pipe.read_fd, len(texts))
        tasks.cancel_scope.cancel()

    assert arrived == texts


async def test_a_frame_is_finished_though_its_sender_was_given_up(pipe: Pipe) -> None:
    out = FramesOut(pipe.write_fd)
    arrived: list[str] = []

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(out.pump)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await out.send(message(LARGE))
        assert scope.cancelled_caught
        tasks.start_soon(out.send, message("next"))
        arrived += await read_frames(pipe.read_fd, 2)
        tasks.cancel_scope.cancel()

    assert arrived == [LARGE, "next"]


async def test_who_does_not_read_is_not_listened_to(pipe: Pipe) -> None:
    out, requests = FramesOut(pipe.write_fd), Pipe()
    reader = FramesIn(Handover(), requests.read_fd, out)
    os.write(requests.write_fd, line("more") + b"\n")
    heard: list[str] = []
    heard_while_stuck: list[str] = []
    unread = [LARGE] * (1 + 2 * MAX_UNREAD_BYTES // len(LARGE))
    arrived: list[str] = []

    async def listen() -> None:
        heard.append(text_of(await reader.receive()))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(out.pump)
        for text in unread:
            tasks.start_soon(out.send, message(text))
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(listen)
        await anyio.wait_all_tasks_blocked()
        heard_while_stuck += heard
        arrived += await read_frames(pipe.read_fd, len(unread))
        while not heard:
            await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    requests.close()
    assert heard_while_stuck == []
    assert heard == ["more"]
    assert arrived == unread


async def test_a_client_that_left_ends_the_pump_and_refuses_frames(pipe: Pipe) -> None:
    out = FramesOut(pipe.write_fd)
    os.close(pipe.read_fd)

    with pytest.raises(anyio.BrokenResourceError):
        await out.send(message("nobody there"))
    with pytest.raises(BrokenPipeError):
        await out.pump()
    with pytest.raises(anyio.BrokenResourceError):
        await out.send(message("still nobody"))


THREE = line("a") + b"\n\n \r\n" + line("bä") + b"\r\n" + line("c")


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 200), max_size=8), left=st.integers(0, 200))
def test_frames_are_the_same_wherever_they_are_cut(cuts: list[int], left: int) -> None:
    assert anyio.run(read_cut, sorted(cuts), left) == ["a", "bä", "c"]


async def read_cut(cuts: list[int], left: int) -> list[str]:
    """Return what is read when the front left a part, and the rest comes in pieces."""
    pipe, back = Pipe(), Pipe()
    handover = Handover()
    handover.frames, rest = THREE[:left], THREE[left:]
    reader = FramesIn(handover, pipe.read_fd, FramesOut(back.write_fd))

    async def write() -> None:
        for start, end in zip([0, *cuts], [*cuts, len(rest)], strict=True):
            os.write(pipe.write_fd, rest[start:end])
            await anyio.wait_all_tasks_blocked()
        os.close(pipe.write_fd)

    texts: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        texts += [text_of(frame) async for frame in reader]
    pipe.close()
    back.close()
    return texts


async def test_what_is_no_frame_is_told_and_ends_nothing(pipe: Pipe, nobody: FramesOut) -> None:
    reader = FramesIn(Handover(), pipe.read_fd, nobody)
    os.write(pipe.write_fd, b"\xff\xfe\n[" + b"[" * 5_000 + b"\n" + line("after") + b"\n")

    assert isinstance(await reader.receive(), ValueError)
    assert isinstance(await reader.receive(), ValueError)
    assert text_of(await reader.receive()) == "after"


async def test_a_frame_without_an_end_is_dropped(pipe: Pipe, nobody: FramesOut) -> None:
    reader = FramesIn(Handover(), pipe.read_fd, nobody, max_bytes=100_000)
    received: list[SessionMessage | Exception] = []

    async def read() -> None:
        received.extend([await reader.receive(), await reader.receive()])

    endless = b'{"jsonrpc":"2.0","method":"' + b"x" * 500_000 + b'"}\n' + line("after") + b"\n"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await anyio.to_thread.run_sync(os.write, pipe.write_fd, endless)

    assert isinstance(received[0], ValueError)
    assert text_of(received[1]) == "after"


async def test_frames_can_come_from_a_file(tmp_path: Path, nobody: FramesOut) -> None:
    file = tmp_path / "frames"
    file.write_bytes(line("one") + b"\n" + line("two"))

    with file.open("rb") as opened:
        reader = FramesIn(Handover(), opened.fileno(), nobody)
        texts = [text_of(frame) async for frame in reader]

    assert texts == ["one", "two"]


async def test_frames_can_go_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "frames"

    with file.open("wb") as opened:
        await FramesOut(opened.fileno()).send(message(LARGE))

    assert json.loads(file.read_bytes())["params"]["text"] == LARGE

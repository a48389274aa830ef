"""The real server as a subprocess, and the same server in memory."""

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from tests.mcp.wire import Start, Wire
from tests.mcp.world import PATIENCE_S, Agent, Connect, Place, answering, embed_in


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.root.mkdir()
    return made


@pytest.fixture
def connect(place: Place, tmp_path: Path) -> Connect:
    """Return a function that starts the real server and connects the official client to it."""

    @asynccontextmanager
    async def connected(
        *flags: str,
        mode: str = "2026-07-28",
        answer: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[Agent]:
        parameters = StdioServerParameters(
            command=sys.executable,
            args=["-m", "synapse_mcp", "--root", str(place.root), *flags],
            env={"SYNAPSE_HOME": str(place.home), **(env or {})},
            cwd=tmp_path,
        )
        agent_questions: list[str] = []
        async with Client(
            parameters,
            mode=mode,
            read_timeout_seconds=PATIENCE_S,
            elicitation_callback=answering(answer, agent_questions),
        ) as client:
            yield Agent(client, agent_questions)

    return connected


@pytest.fixture
def embed(place: Place) -> Connect:
    """Return a function that connects a client to the same server within this process."""
    return embed_in(place)


@pytest.fixture
def start(place: Place) -> Iterator[Start]:
    """Return a function that starts the real server and gives the two ends of its wire."""
    started: list[Wire] = []

    def begin(*command: str) -> Wire:
        words = [sys.executable, *(command or ("-m", "synapse_mcp")), "--root", str(place.root)]
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=place.folder,
            env={**os.environ, "SYNAPSE_HOME": str(place.home)},
        )
        wire = Wire(process)
        started.append(wire)
        return wire

    yield begin
    for wire in started:
        wire.process.kill()
        wire.process.wait()
        for stream in (wire.process.stdin, wire.process.stdout, wire.process.stderr):
            assert stream is not None
            stream.close()

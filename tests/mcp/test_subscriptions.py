"""Who subscribes to a run or its log hears of every change, not too often, and of the last one."""

import itertools
import json
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import (
    EmptyResult,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
    UnsubscribeRequest,
    UnsubscribeRequestParams,
)

from synapse_mcp.server.assembly import build_server
from synapse_mcp.settings import parse_settings
from tests.mcp.world import ERAS, PATIENCE_S, Agent, Connect, Place

pytestmark = pytest.mark.anyio

ECHO = """
from synapse_core import action


@action()
def run(pipe: str) -> str:
    with open(pipe) as lines:
        for line in lines:
            print(line.strip(), flush=True)
    return "heard all"
"""


class Mouth:
    """What a run echoes, line by line, until it is closed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        # For reading as well: opening must not wait for the run.
        self._fd = os.open(path, os.O_RDWR)

    def say(self, *lines: str) -> None:
        os.write(self._fd, "".join(f"{line}\n" for line in lines).encode())

    def close(self) -> None:
        os.close(self._fd)


@pytest.fixture
def mouth(place: Place, tmp_path: Path) -> Mouth:
    place.plugin("echo", ECHO)
    return Mouth(tmp_path / "mouth")


class Ear:
    """What a client was told, and when."""

    def __init__(self) -> None:
        self.told: list[tuple[float, str]] = []
        self._news = anyio.Event()

    def tell(self, uri: str) -> None:
        self.told.append((time.monotonic(), uri))
        self._news.set()

    async def wait(self) -> None:
        """Wait for the next notice."""
        with anyio.fail_after(PATIENCE_S):
            await self._news.wait()
        self._news = anyio.Event()

    def gaps(self, uri: str) -> list[float]:
        times = [time for time, told in self.told if told == uri]
        return [after - before for before, after in itertools.pairwise(times)]


Listen = Callable[..., AbstractAsyncContextManager[tuple[Agent, Ear]]]


@pytest.fixture
def listen(place: Place) -> Listen:
    """Return a function that connects a client which subscribes to what it is told to."""

    @asynccontextmanager
    async def connected(mode: str) -> AsyncGenerator[tuple[Agent, Ear]]:
        ear = Ear()

        async def hear(message: object) -> None:
            if isinstance(message, ResourceUpdatedNotification):
                ear.tell(message.params.uri)

        server = build_server(parse_settings(["--root", str(place.root)]), home=place.home)
        async with Client(
            server, mode=mode, read_timeout_seconds=PATIENCE_S, message_handler=hear
        ) as client:
            yield Agent(client), ear

    return connected


async def subscribe(agent: Agent, uri: str) -> None:
    """Subscribe as clients of the handshake era do; the client's own method warns of its age."""
    request = SubscribeRequest(params=SubscribeRequestParams(uri=uri))
    await agent.client.session.send_request(request, EmptyResult)


async def unsubscribe(agent: Agent, uri: str) -> None:
    request = UnsubscribeRequest(params=UnsubscribeRequestParams(uri=uri))
    await agent.client.session.send_request(request, EmptyResult)


@asynccontextmanager
async def subscribed(agent: Agent, *uris: str) -> AsyncGenerator[list[str]]:
    """Subscribe as the client's era does it, and give what the server agreed to tell of."""
    if agent.client.protocol_version < "2026-07-28":
        for uri in uris:
            await subscribe(agent, uri)
        yield list(uris)
        return
    # What comes on the stream reaches the handler of messages as well, as in the older era.
    async with agent.client.listen(resource_subscriptions=uris) as stream:
        yield list(stream.honored.resource_subscriptions or ())


async def begin(agent: Agent, mouth: Mouth) -> str:
    run = await agent.call(
        "run_start", plugin="echo", action="run", params={"pipe": str(mouth.path)}, wait_s=0
    )
    return f"run://{run['run_id']}"


async def has_ended(agent: Agent, run: str) -> bool:
    status = json.loads(await agent.read(run))["status"]
    assert status in {"pending", "running", "succeeded"}
    return status == "succeeded"


async def end(agent: Agent, mouth: Mouth) -> None:
    """Let the run end; it must have opened its end of the pipe before."""
    mouth.say("over")
    while "over" not in await agent.read("run://last/log"):
        await agent.call("run_status", run_id="last", wait_s=1)
    mouth.close()
    ended = await agent.call("run_status", run_id="last", wait_s=30)
    assert ended["status"] == "succeeded"


@pytest.mark.parametrize("mode", ERAS)
async def test_lines_are_told_of_and_the_end_comes_last(
    listen: Listen, mouth: Mouth, mode: str
) -> None:
    async with listen(mode) as (agent, ear):
        run = await begin(agent, mouth)
        log = f"{run}/log"
        async with subscribed(agent, run, log) as agreed:
            assert agreed == [run, log]
            mouth.say("one")
            while "one" not in await agent.read(log):
                await ear.wait()
            mouth.say("two")
            mouth.close()
            while not await has_ended(agent, run):
                await ear.wait()
            assert "two" in await agent.read(log)

        uris = [uri for _, uri in ear.told]
        assert set(uris) == {run, log}


@pytest.mark.parametrize("mode", ERAS)
async def test_many_lines_are_told_of_once_a_second_at_most(
    listen: Listen, mouth: Mouth, mode: str
) -> None:
    async with listen(mode) as (agent, ear):
        run = await begin(agent, mouth)
        log = f"{run}/log"
        async with subscribed(agent, log):
            until = time.monotonic() + 2.5
            number = 0
            while time.monotonic() < until:
                number += 1
                mouth.say(f"line {number}")
                with anyio.move_on_after(0.02):
                    await ear.wait()
            mouth.say("the last")
            while "the last" not in await agent.read(log):
                await ear.wait()
            mouth.close()

    assert number > 20
    assert 2 <= len(ear.told) < 8
    assert min(ear.gaps(log)) >= 0.95


async def test_a_run_is_told_of_under_the_address_that_was_asked_for(
    listen: Listen, mouth: Mouth
) -> None:
    async with listen("legacy") as (agent, ear):
        await begin(agent, mouth)
        async with subscribed(agent, "run://last"):
            await end(agent, mouth)
            await ear.wait()

    assert {uri for _, uri in ear.told} == {"run://last"}


@pytest.mark.parametrize("uri", ["run://20200101-000000-aaaaaaaa", "config://effective", "x", ""])
async def test_what_never_changes_cannot_be_subscribed_to(listen: Listen, uri: str) -> None:
    async with listen("legacy") as (agent, _ear):
        with pytest.raises(MCPError) as caught:
            await subscribe(agent, uri)
    async with listen("2026-07-28") as (agent, _ear), subscribed(agent, uri) as agreed:
        assert agreed == []

    assert caught.value.error.code == -32602


@pytest.mark.parametrize("mode", ERAS)
async def test_of_a_run_that_has_ended_the_end_is_told(
    listen: Listen, mouth: Mouth, mode: str
) -> None:
    """It may have ended between the client's last look and its subscription."""
    async with listen(mode) as (agent, ear):
        run = await begin(agent, mouth)
        await end(agent, mouth)
        async with subscribed(agent, run):
            await ear.wait()

    assert [uri for _, uri in ear.told] == [run]


async def test_who_unsubscribes_hears_nothing_more(listen: Listen, mouth: Mouth) -> None:
    async with listen("legacy") as (agent, ear):
        run = await begin(agent, mouth)
        await subscribe(agent, run)
        await subscribe(agent, f"{run}/log")
        await unsubscribe(agent, run)
        await unsubscribe(agent, run)  # twice is no error
        mouth.say("one")
        await ear.wait()
        await end(agent, mouth)

    assert {uri for _, uri in ear.told} == {f"{run}/log"}


async def test_a_new_server_tells_of_a_run_that_an_older_one_started(
    connect: Connect, listen: Listen, mouth: Mouth
) -> None:
    async with connect() as first:
        run = await begin(first, mouth)
    async with listen("2026-07-28") as (agent, ear), subscribed(agent, run):
        mouth.say("one")
        while "one" not in await agent.read(f"{run}/log"):
            await ear.wait()
        mouth.close()
        while not await has_ended(agent, run):
            await ear.wait()

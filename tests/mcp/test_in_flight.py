"""One client cannot have more under way than it may, and is told to wait."""

from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from mcp.shared.exceptions import MCPError
from starlette.requests import Request

from synapse_mcp.server.in_flight import MAX_CALLS
from synapse_mcp.server.opening import Context
from synapse_mcp.server.peer import peer_of
from tests.mcp.world import Agent, Connect, Place

SLEEP = """
import time

from synapse_core import action


@action()
def run() -> None:
    time.sleep(60)
"""


@pytest.fixture
def sleeper(place: Place) -> None:
    place.plugin("sleeper", SLEEP)


@pytest.mark.anyio
@pytest.mark.usefixtures("sleeper")
async def test_the_call_that_is_one_too_many_is_told_to_wait_and_the_others_are_answered(
    embed: Connect,
) -> None:
    refused: list[MCPError] = []
    answered: list[str] = []

    async def wait(agent: Agent) -> None:
        try:
            run = await agent.call("run_status", run_id="last", wait_s=40)
        except MCPError as error:
            refused.append(error)
        else:
            answered.append(run["status"])

    async with embed() as agent:
        run = await agent.call("run_start", plugin="sleeper", action="run", wait_s=0)
        async with anyio.create_task_group() as tasks:
            for _ in range(MAX_CALLS + 5):
                tasks.start_soon(wait, agent)
            while len(refused) < 5:
                await anyio.wait_all_tasks_blocked()
            await agent.client.list_tools()  # what is answered at once always passes
            async with embed() as other:
                await other.call("run_cancel", run_id=run["run_id"])
        after = await agent.call("run_list")

    assert len(refused) == 5
    assert answered == ["cancelled"] * MAX_CALLS
    assert refused[0].error.message.startswith(f"[too_many_calls] This client has {MAX_CALLS} ")
    assert "Fix: Wait until one of them has ended" in refused[0].error.message
    assert len(after["runs"]) == 1


@pytest.mark.anyio
async def test_a_hundred_calls_at_once_are_all_answered(embed: Connect) -> None:
    answers: list[dict[str, Any]] = []

    async def call(agent: Agent) -> None:
        answers.append(await agent.call("plugin_search"))

    async with embed() as agent, anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(call, agent)

    assert len(answers) == 100


def context_of(address: str, session: str | None = None) -> Context:
    headers = [(b"mcp-session-id", session.encode())] if session else []
    request = Request({"type": "http", "headers": headers, "client": (address, 50_000)})
    return cast("Context", SimpleNamespace(request=request))


def test_clients_over_http_are_told_apart_by_session_or_address() -> None:
    keys = [
        peer_of(context_of("10.0.0.1")).key,
        peer_of(context_of("10.0.0.2")).key,
        peer_of(context_of("10.0.0.1", "one-session")).key,
        peer_of(context_of("10.0.0.1", "another-session")).key,
    ]

    assert len(set(keys)) == 4
    assert "one-session" not in repr(peer_of(context_of("10.0.0.1", "one-session")))

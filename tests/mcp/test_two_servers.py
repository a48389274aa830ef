"""Several servers and a shell work on one home, and a server that is killed takes no run along."""

import contextlib
import json
import subprocess
import sys
import time

import anyio
import psutil
import pytest

from tests.mcp.world import Agent, Connect, Place

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("sleeper")]

SLEEPER = """
import time

from synapse_core import RuntimeContext, action


@action()
def run(ctx: RuntimeContext, seconds: float = 60) -> str:
    ctx.log("ready")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ctx.check_cancelled()
        time.sleep(0.02)
    return "done"
"""


@pytest.fixture
def sleeper(place: Place) -> None:
    place.plugin("sleeper", SLEEPER)


async def test_what_one_server_starts_another_watches_and_stops(connect: Connect) -> None:
    async with connect() as one, connect(mode="legacy") as other:
        run = await one.call("run_start", plugin="sleeper", action="run", wait_s=0)
        seen = await other.call("run_status", run_id=run["run_id"])
        stopped = await other.call("run_cancel", run_id=run["run_id"])
        after = await one.call("run_status", run_id=run["run_id"], wait_s=30)

    assert seen["status"] in {"pending", "running"}
    assert (stopped["status"], after["status"]) == ("cancelled", "cancelled")


async def test_one_key_starts_one_run_whoever_uses_it(connect: Connect, place: Place) -> None:
    started: list[str] = []

    async with connect() as one, connect() as other:

        async def start(agent: Agent) -> None:
            run = await agent.call(
                "run_start",
                plugin="sleeper",
                action="run",
                params={"seconds": 0},
                idempotency_key="k",
                wait_s=0,
            )
            started.append(run["run_id"])

        async with anyio.create_task_group() as tasks:
            for agent in (one, other, one, other):
                tasks.start_soon(start, agent)
    words = ["run", "list", "--json"]
    listed = subprocess.run(  # noqa: ASYNC221 - nothing else is waiting
        [sys.executable, "-m", "synapse_mcp.cli", *words],
        env={"SYNAPSE_HOME": str(place.home)},
        capture_output=True,
        check=True,
    ).stdout

    assert len(set(started)) == 1
    assert [run["id"] for run in json.loads(listed)["runs"]] == started[:1]


async def test_a_server_that_is_killed_takes_no_run_along(connect: Connect) -> None:
    run_id = ""
    with contextlib.suppress(Exception):
        async with connect() as agent:
            run = await agent.call(
                "run_start", plugin="sleeper", action="run", params={"seconds": 1.5}, wait_s=0
            )
            run_id = run["run_id"]
            for child in psutil.Process().children(recursive=True):
                if "synapse_mcp" in child.cmdline():
                    child.kill()
    async with connect() as agent:
        ended = await agent.call("run_status", run_id=run_id, wait_s=40)

    assert (ended["status"], ended["result"]) == ("succeeded", "done")


async def test_a_start_is_answered_at_once(connect: Connect) -> None:
    took: list[float] = []
    async with connect() as agent:
        for _ in range(7):
            began = time.monotonic()
            run = await agent.call(
                "run_start", plugin="sleeper", action="run", params={"seconds": 0}, wait_s=0
            )
            took.append(time.monotonic() - began)
            await agent.call("run_status", run_id=run["run_id"], wait_s=40)

    assert sorted(took[1:])[3] < 0.2, took

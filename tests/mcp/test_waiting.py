"""A call that waits holds up nothing, tells how it comes along, and ends when it is given up."""

import time

import anyio
import pytest

from tests.mcp.world import ERAS, Connect, Place

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("sleeper")]

SLEEPER = """
import time

from synapse_core import RuntimeContext, action


@action()
def run(ctx: RuntimeContext, seconds: float = 60) -> str:
    until = time.monotonic() + seconds
    ctx.set_progress(1, 4)
    ctx.log_message("under way")
    while time.monotonic() < until:
        ctx.check_cancelled()
        time.sleep(0.02)
    return "done"
"""


@pytest.fixture
def sleeper(place: Place) -> None:
    place.plugin("sleeper", SLEEPER)


@pytest.mark.parametrize("mode", ERAS)
async def test_a_long_action_delays_no_other_call(connect: Connect, mode: str) -> None:
    slow: list[float] = []
    status = ""

    async with connect(mode=mode) as agent, anyio.create_task_group() as tasks:
        run = await agent.call("run_start", plugin="sleeper", action="run", wait_s=0)
        for _ in range(60):
            tasks.start_soon(
                lambda: agent.client.call_tool("run_status", {"run_id": "last", "wait_s": 50})
            )
        for _ in range(20):
            began = time.monotonic()
            await agent.call("run_list")
            await agent.read("config://effective")
            slow.append(time.monotonic() - began)
        status = (await agent.call("run_status", run_id=run["run_id"]))["status"]
        tasks.cancel_scope.cancel()

    assert status == "running"
    assert max(slow) < 5, "far below the 50 s that the waits take, however busy the machine is"


@pytest.mark.parametrize("mode", ERAS)
async def test_giving_up_a_wait_stops_no_run(connect: Connect, mode: str) -> None:
    async with connect(mode=mode) as agent:
        run = await agent.call("run_start", plugin="sleeper", action="run", wait_s=0)
        with anyio.move_on_after(0.3) as given_up:
            await agent.call("run_status", run_id=run["run_id"], wait_s=50)
        after = await agent.call("run_status", run_id=run["run_id"])
        stopped = await agent.call("run_cancel", run_id=run["run_id"])

    assert given_up.cancelled_caught
    assert after["status"] == "running"
    assert stopped["status"] == "cancelled"


async def test_the_server_ends_soon_although_a_call_waits(connect: Connect) -> None:
    """A client that closes its end has its answer within its own patience of two seconds."""
    async with connect() as agent, anyio.create_task_group() as tasks:
        await agent.call("run_start", plugin="sleeper", action="run", wait_s=0)
        tasks.start_soon(
            lambda: agent.client.call_tool("run_status", {"run_id": "last", "wait_s": 50})
        )
        await agent.call("run_list")
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("mode", ERAS)
async def test_a_wait_reports_how_the_run_comes_along(connect: Connect, mode: str) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    async with connect(mode=mode) as agent:
        await agent.client.call_tool(
            "run_start",
            {"plugin": "sleeper", "action": "run", "params": {"seconds": 30}, "wait_s": 3},
            progress_callback=hear,
        )
        await agent.call("run_cancel", run_id="last")

    numbers = [done for done, _, _ in heard]
    assert numbers == sorted(set(numbers))
    assert {total for _, total, _ in heard} == {3}
    assert any(message and "25 %" in message and "under way" in message for _, _, message in heard)


async def test_a_wait_ends_as_soon_as_the_run_does(connect: Connect) -> None:
    async with connect() as agent:
        run = await agent.call(
            "run_start", plugin="sleeper", action="run", params={"seconds": 0.5}, wait_s=50
        )

    assert run["status"] == "succeeded"
    assert run["duration_s"] < 30

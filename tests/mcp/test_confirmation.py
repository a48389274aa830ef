"""Nothing is destroyed without the yes that the flags ask for."""

import pytest

from tests.mcp.world import ERAS, Agent, Connect, Place

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick")]
ADMIN = ("--toolsets", "core,admin")
SOURCE = """
import time

from synapse_core import action


@action()
def run() -> int:
    return 1


@action()
def sleep() -> None:
    time.sleep(60)
"""


@pytest.fixture
def quick(place: Place) -> None:
    place.plugin("quick", SOURCE, actions="run sleep")


async def ended_run(agent: Agent) -> str:
    run = await agent.call("run_start", plugin="quick", action="run", wait_s=30)
    assert run["status"] == "succeeded"
    return run["run_id"]


async def going_run(agent: Agent) -> str:
    run = await agent.call("run_start", plugin="quick", action="sleep", wait_s=0)
    assert run["status"] in {"pending", "running"}
    return run["run_id"]


async def status_of(agent: Agent, run_id: str) -> str:
    return (await agent.call("run_status", run_id=run_id))["status"]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_yes_of_the_user_lets_a_deletion_pass(connect: Connect, mode: str) -> None:
    async with connect(*ADMIN, mode=mode, answer="yes") as agent:
        run_id = await ended_run(agent)
        gone = await agent.call("run_delete", run_ids=[run_id])
        left = await agent.call("run_list")

    assert gone["deleted"] == [run_id]
    assert left["runs"] == []
    assert len(agent.questions) == 1
    assert run_id in agent.questions[0]


ANYTHING_BUT_A_YES = [("no", "declined"), ("cancel", "dismissed"), ("unticked", "declined")]


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(("answer", "told"), ANYTHING_BUT_A_YES)
async def test_anything_but_a_yes_keeps_the_run_and_is_an_answer_like_any_other(
    connect: Connect, mode: str, answer: str, told: str
) -> None:
    async with connect(*ADMIN, mode=mode, answer=answer) as agent:
        run_id = await ended_run(agent)
        kept = await agent.call("run_delete", run_ids=[run_id])
        left = await agent.call("run_list")

    assert (kept["declined"], kept["deleted"]) == (True, [])
    assert f"The user {told}" in kept["message"]
    assert [row["run_id"] for row in left["runs"]] == [run_id]


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(("answer", "told"), ANYTHING_BUT_A_YES)
async def test_anything_but_a_yes_lets_the_run_go_on(
    embed: Connect, mode: str, answer: str, told: str
) -> None:
    async with embed(mode=mode, answer=answer) as agent:
        run_id = await going_run(agent)
        kept = await agent.call("run_cancel", run_id=run_id, force=True)
        after = await status_of(agent, run_id)
        await agent.call("run_cancel", run_id=run_id)

    assert kept["declined"]
    assert f"The user {told}" in kept["message"]
    assert after in {"pending", "running"}
    assert agent.questions == [f"Kill at once the run {run_id} (quick/sleep)?"]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_run_is_killed_after_a_yes_or_after_its_id_was_repeated(
    embed: Connect, mode: str
) -> None:
    async with embed(mode=mode, answer="yes") as agent:
        asked = await agent.call("run_cancel", run_id=await going_run(agent), force=True)
    async with embed(mode=mode) as agent:
        run_id = await going_run(agent)
        refused = await agent.fail("run_cancel", run_id="last", force=True)
        wrong = await agent.fail("run_cancel", run_id="last", force=True, confirm="last")
        repeated = await agent.call("run_cancel", run_id="last", force=True, confirm=run_id)

    assert asked["status"] == repeated["status"] == "cancelled"
    assert refused.startswith("[confirmation_required] Kill at once the run ")
    assert f"confirm={run_id!r}" in refused
    assert wrong == refused


async def test_an_ended_run_is_left_alone_without_a_question(embed: Connect) -> None:
    async with embed("--confirm", "always", answer="yes") as agent:
        left = await agent.call("run_cancel", run_id=await ended_run(agent), force=True)

    assert left["message"] == "It had already succeeded; nothing was stopped."
    assert agent.questions == []


@pytest.mark.parametrize("mode", ERAS)
async def test_without_a_user_the_call_must_repeat_what_is_deleted(
    connect: Connect, mode: str
) -> None:
    async with connect(*ADMIN, mode=mode) as agent:
        run_id = await ended_run(agent)
        refused = await agent.fail("run_delete", run_ids=[run_id])
        words = refused.split("confirm='", 1)[1].split("'", 1)[0]
        wrong = await agent.fail("run_delete", run_ids=[run_id], confirm="yes")
        gone = await agent.call("run_delete", run_ids=[run_id], confirm=words)

    assert refused.startswith("[confirmation_required] ")
    assert wrong.startswith("[confirmation_required] ")
    assert gone["deleted"] == [run_id]


async def test_always_wants_a_person_and_refuses_a_client_that_has_none(connect: Connect) -> None:
    async with connect(*ADMIN, "--confirm", "always") as agent:
        deletion = await agent.fail("run_delete", run_ids=[await ended_run(agent)])
        run_id = await going_run(agent)
        cancelling = await agent.fail("run_cancel", run_id=run_id)
        repeated = await agent.fail("run_cancel", run_id=run_id, confirm=run_id)
        still = await status_of(agent, run_id)
    async with connect() as agent:
        await agent.call("run_cancel", run_id=run_id)

    for text in (deletion, cancelling, repeated):
        assert text.startswith("[confirmation_required] ")
        assert "wants a person's yes" in text
    assert still in {"pending", "running"}


async def test_always_asks_also_before_a_run_is_stopped(connect: Connect) -> None:
    async with connect("--confirm", "always", answer="yes") as agent:
        run_id = await going_run(agent)
        stopped = await agent.call("run_cancel", run_id=run_id)

    assert stopped["status"] == "cancelled"
    assert agent.questions == [f"Stop the run {run_id} (quick/sleep)?"]


async def test_without_force_a_run_is_stopped_without_a_question(embed: Connect) -> None:
    async with embed(answer="no") as agent:
        stopped = await agent.call("run_cancel", run_id=await going_run(agent))

    assert stopped["status"] == "cancelled"
    assert agent.questions == []


async def test_never_asks_nobody(connect: Connect) -> None:
    async with connect(*ADMIN, "--confirm", "never", answer="no") as agent:
        run_id = await ended_run(agent)
        gone = await agent.call("run_delete", run_ids=["last"])
        killed = await agent.call("run_cancel", run_id=await going_run(agent), force=True)

    assert gone["deleted"] == [run_id]
    assert killed["status"] == "cancelled"
    assert agent.questions == []


async def test_a_dry_run_tells_what_would_go_and_asks_nobody(connect: Connect) -> None:
    async with connect(*ADMIN, answer="no") as agent:
        run_id = await ended_run(agent)
        plan = await agent.call("run_delete", run_ids=[run_id], dry_run=True)
        left = await agent.call("run_list")

    assert (plan["deleted"], plan["dry_run"]) == ([run_id], True)
    assert plan["freed_bytes"] > 0
    assert len(left["runs"]) == 1
    assert agent.questions == []

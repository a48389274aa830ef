"""Nothing is destroyed without the yes that the flags ask for."""

import pytest

from tests.mcp.world import ERAS, Agent, Connect, Place

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick")]
ADMIN = ("--toolsets", "core,admin")


@pytest.fixture
def quick(place: Place) -> None:
    source = "from synapse_core import action\n\n@action()\ndef run() -> int:\n    return 1\n"
    place.plugin("quick", source)


async def ended_run(agent: Agent) -> str:
    run = await agent.call("run_start", plugin="quick", action="run", wait_s=30)
    assert run["status"] == "succeeded"
    return run["run_id"]


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


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(
    ("answer", "told"),
    [("no", "declined"), ("cancel", "dismissed the question"), ("unticked", "declined")],
)
async def test_anything_but_a_yes_keeps_the_run(
    connect: Connect, mode: str, answer: str, told: str
) -> None:
    async with connect(*ADMIN, mode=mode, answer=answer) as agent:
        run_id = await ended_run(agent)
        text = await agent.fail("run_delete", run_ids=[run_id])
        left = await agent.call("run_list")

    assert text.startswith(f"[refused] The user {told}: Delete for good")
    assert [row["run_id"] for row in left["runs"]] == [run_id]


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
        run_id = await ended_run(agent)
        deletion = await agent.fail("run_delete", run_ids=[run_id])
        cancelling = await agent.fail("run_cancel", run_id=run_id)

    assert "wants a person's yes" in deletion
    assert "wants a person's yes" in cancelling


async def test_always_asks_also_before_a_run_is_stopped(connect: Connect) -> None:
    async with connect("--confirm", "always", answer="yes") as agent:
        run_id = await ended_run(agent)
        await agent.call("run_cancel", run_id=run_id)

    assert agent.questions == [f"Stop the run {run_id}?"]


async def test_never_asks_nobody(connect: Connect) -> None:
    async with connect(*ADMIN, "--confirm", "never", answer="no") as agent:
        run_id = await ended_run(agent)
        gone = await agent.call("run_delete", run_ids=["last"])

    assert gone["deleted"] == [run_id]
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

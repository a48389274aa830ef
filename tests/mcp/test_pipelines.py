"""An agent starts a pipeline as it starts an action, and sees each node."""

import json
from pathlib import Path

import pytest

from tests.mcp.world import ERAS, Connect, Place
from tests.pipelines.conftest import ACTIONS, CONFIG

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("works")]


@pytest.fixture
def works(place: Place) -> Path:
    folder = place.root / "works"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "works.py").write_text(ACTIONS, encoding="utf-8")
    return folder


@pytest.mark.parametrize("era", ERAS)
async def test_a_pipeline_is_described_started_and_shown_like_an_action(
    connect: Connect, era: str
) -> None:
    async with connect(mode=era) as agent:
        listed = await agent.call("plugin_describe", plugin="works")
        described = await agent.call("plugin_describe", plugin="works", action="line")
        run = await agent.call(
            "run_start", plugin="works", action="squares", params={"count": 4}, wait_s=30
        )

    squares = next(one for one in listed["actions"] if one["name"] == "squares")
    assert squares["description"] == "Adds up squares. Pipeline of split, square, total, extra."
    assert described["params"]["required"] == ["count"]
    assert described["example"] == {"count": 1}
    assert run["status"] == "succeeded"
    assert run["result"] == {"total": 14, "extra": None}
    assert run["steps"] == {
        "split": "succeeded", "square": "succeeded", "total": "succeeded", "extra": "skipped",
    }  # fmt: skip


async def test_a_failed_pipeline_is_resumed_by_the_call_that_is_suggested(
    connect: Connect, place: Place
) -> None:
    flag = place.folder / "flag"
    async with connect(mode=ERAS[0]) as agent:
        given = {"flag": str(flag)}
        failed = await agent.call(
            "run_start", plugin="works", action="failing", params=given, wait_s=30
        )
        word, _, arguments = failed["next"][0].partition(" ")
        node = await agent.call(word, **json.loads(arguments))
        flag.touch()
        resumed = await agent.call("run_start", rerun_of=failed["run_id"], resume=True, wait_s=30)

    assert failed["error"]["code"] == "pipeline_failed"
    assert (word, node["action"], node["status"]) == ("run_status", "fail", "failed")
    assert node["error"]["where"].startswith("works.py:")
    assert any("resume" in call for call in failed["next"])
    assert resumed["steps"]["other"] == "skipped"
    assert resumed["status"] == "succeeded"


async def test_the_graph_and_the_nodes_of_a_run_are_resources(connect: Connect) -> None:
    async with connect(mode=ERAS[0]) as agent:
        graph = await agent.read("pipeline://works/squares")
        run = await agent.call(
            "run_start", plugin="works", action="line", params={"count": 2}, wait_s=30
        )
        told = json.loads(await agent.read(f"run://{run['run_id']}/nodes"))

    assert graph.startswith("flowchart LR\n")
    assert "square<br/>works/square" in graph
    assert (told["pipeline_id"], told["status"]) == ("line", "succeeded")
    assert {one["name"]: one["status"] for one in told["progress"]} == {
        "split": "succeeded", "total": "succeeded",
    }  # fmt: skip


async def test_a_misspelt_pipeline_is_taken_for_one(connect: Connect) -> None:
    async with connect(mode=ERAS[0]) as agent:
        told = await agent.fail("run_start", plugin="works", action="squars")

    assert "Did you mean 'squares'?" in told

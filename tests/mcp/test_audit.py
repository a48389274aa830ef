"""Every call that changes something leaves a line, and nothing else does."""

import json
import logging
from typing import Any

import anyio
import pytest

from tests.mcp.world import ERAS, Connect, Place

pytestmark = pytest.mark.anyio
SOURCE = """
import time

from synapse_core import action


@action()
def run(seconds: float = 0, api_key: str = "") -> str:
    time.sleep(seconds)
    return "done"
"""


@pytest.fixture(autouse=True)
def plugin(place: Place) -> None:
    place.plugin("quick", SOURCE)


def lines_of(place: Place) -> list[dict[str, Any]]:
    file = place.home / "audit.jsonl"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_call_that_changes_something_leaves_one_line(
    connect: Connect, place: Place, mode: str
) -> None:
    async with connect(mode=mode) as agent:
        run = await agent.call("run_start", plugin="quick", action="run", wait_s=30)
        await agent.fail("run_start", plugin="quikc", action="run")
        await agent.fail("run_start", plugin="quick")
        await agent.call("run_cancel", run_id=run["run_id"])
        await agent.call("plugin_scaffold", name="fresh", dry_run=True)

    told = lines_of(place)
    assert [(line["tool"], line["outcome"]) for line in told] == [
        ("run_start", "ok"),
        ("run_start", "plugin_not_found"),
        ("run_start", "invalid_arguments"),
        ("run_cancel", "ok"),
        ("plugin_scaffold", "ok"),
    ]
    assert [line.get("run_id") for line in told] == [run["run_id"], None, None, run["run_id"], None]
    assert told[0]["arguments"] == {"plugin": "quick", "action": "run", "wait_s": 30}
    assert {line["transport"] for line in told} == {"stdio"}
    assert all(line["client"].startswith("mcp ") for line in told)
    assert all(line["time"].endswith("+00:00") and line["ms"] >= 0 for line in told)


async def test_a_call_that_only_looks_leaves_none(embed: Connect, place: Place) -> None:
    async with embed() as agent:
        for tool in ("plugin_search", "run_list"):
            await agent.call(tool)
        await agent.call("plugin_describe", plugin="quick")
        await agent.fail("run_status", run_id="last")
        await agent.read("config://effective")

    assert lines_of(place) == []


async def test_a_tool_that_is_not_offered_leaves_a_line_when_it_is_called(
    embed: Connect, place: Place
) -> None:
    async with embed("--read-only") as agent:
        await agent.fail("run_start", plugin="quick", action="run")

    assert [line["outcome"] for line in lines_of(place)] == ["tool_not_found"]


async def test_a_request_that_is_given_up_leaves_a_line(embed: Connect, place: Place) -> None:
    async with embed() as agent:
        with anyio.move_on_after(1):
            await agent.call(
                "run_start", plugin="quick", action="run", params={"seconds": 20}, wait_s=30
            )
        await agent.call("run_cancel", run_id="last")

    assert ("run_start", "given_up") in [(one["tool"], one["outcome"]) for one in lines_of(place)]


@pytest.mark.parametrize(("answer", "outcome"), [("yes", "ok"), ("no", "declined")])
async def test_what_the_user_said_is_recorded(
    embed: Connect, place: Place, answer: str, outcome: str
) -> None:
    async with embed("--toolsets", "core,admin", answer=answer) as agent:
        run = await agent.call("run_start", plugin="quick", action="run", wait_s=30)
        await agent.call("run_delete", run_ids=[run["run_id"]])

    assert [line["outcome"] for line in lines_of(place)] == ["ok", "asked", outcome]
    assert lines_of(place)[-1]["arguments"] == {"run_ids": [run["run_id"]]}


async def test_secrets_and_long_texts_are_left_out(embed: Connect, place: Place) -> None:
    async with embed() as agent:
        await agent.raw(
            "run_start",
            plugin="quick",
            action="run",
            params={"api_key": "param-hunter2", "note": "say param-hunter2", "long": "x" * 10_000},
            env={"SERVICE_TOKEN": "variable-hunter2"},
        )
        await agent.raw("run_start", plugin="quick", params={"a": [["y" * 90] * 90] * 90})

    text = (place.home / "audit.jsonl").read_text(encoding="utf-8")
    assert "hunter2" not in text
    assert "say [redacted]" in text
    assert all(len(line) < 6_000 for line in text.splitlines())


async def test_a_line_that_cannot_be_written_breaks_no_call_and_is_told(
    embed: Connect, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    (place.home / "audit.jsonl").mkdir(parents=True)

    with caplog.at_level(logging.ERROR):
        async with embed() as agent:
            run = await agent.call("run_start", plugin="quick", action="run", wait_s=30)

    assert run["status"] == "succeeded"
    assert "The audit file lacks a call of run_start" in caplog.text

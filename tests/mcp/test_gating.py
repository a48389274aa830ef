"""What the flags leave out is not there: no tool, no task, no prompt, no word of it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from synapse_core.operations.runs import StartRun, start_run
from synapse_core.workspace import open_workspace
from synapse_mcp.settings import TOOLSETS
from synapse_mcp.tools.catalog import TOOLS
from synapse_mcp.tools.declaration import Effect
from tests.mcp.wire import TASKS, Start, Wire, modern
from tests.mcp.world import ERAS, Agent, Connect, Place

EVERYTHING = ("--toolsets", ",".join(TOOLSETS))
READING = {tool.name for tool in TOOLS if tool.effect is Effect.READS}
CHANGING = {tool.name for tool in TOOLS if tool.effect is not Effect.READS}

SOURCE = """
import time

from synapse_core import action


@action()
def run(seconds: float = 0) -> str:
    time.sleep(seconds)
    return "done"
"""


@pytest.fixture(autouse=True)
def plugin(place: Place) -> None:
    place.plugin("quick", SOURCE)


async def tools_of(agent: Agent) -> set[str]:
    return {tool.name for tool in (await agent.client.list_tools()).tools}


OFFERED: list[tuple[tuple[str, ...], set[str]]] = [
    ((), {*TOOLSETS["core"], *TOOLSETS["author"]}),
    (("--toolsets", "author"), {*TOOLSETS["author"]}),
    (("--toolsets", "author", "--tools", "run_list"), {*TOOLSETS["author"], "run_list"}),
    (EVERYTHING, {tool.name for tool in TOOLS}),
    ((*EVERYTHING, "--exclude-tools", ",".join(CHANGING)), READING),
    ((*EVERYTHING, "--read-only"), READING),
    (("--read-only", "--tools", "run_start,run_delete"), READING - {*TOOLSETS["serve"]}),
    (("--toolsets", "admin", "--read-only"), set()),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("flags", "offered"), OFFERED)
async def test_the_flags_say_which_tools_there_are(
    embed: Connect, flags: tuple[str, ...], offered: set[str]
) -> None:
    async with embed(*flags) as agent:
        assert await tools_of(agent) == offered


@pytest.mark.anyio
async def test_a_tool_that_is_left_out_cannot_be_called(embed: Connect, place: Place) -> None:
    async with embed(*EVERYTHING, "--read-only") as agent:
        told = [await agent.fail(name, plugin="quick", action="run") for name in CHANGING]
        runs = await agent.call("run_list")

    assert all(text.startswith("[tool_not_found] ") for text in told)
    assert runs["runs"] == []
    assert sorted(path.name for path in place.root.iterdir()) == ["quick"]


@pytest.mark.anyio
@pytest.mark.parametrize(("flags", "status"), [(("--read-only",), "pending"), ((), "succeeded")])
async def test_looking_starts_a_run_that_was_lost_only_where_runs_may_be_started(
    embed: Connect, place: Place, flags: tuple[str, ...], status: str
) -> None:
    run_id = lose_a_run(place)

    async with embed(*flags) as agent:
        await agent.call("run_status", run_id=run_id)
        seen = await agent.call("run_status", run_id=run_id, wait_s=2 if flags else 30)

    assert seen["status"] == status


def lose_a_run(place: Place) -> str:
    """Leave a run as a door does that dies right after it has made one."""
    with open_workspace(place.home, [place.root]) as workspace:
        planned = start_run(workspace, StartRun(plugin="quick", action="run", dry_run=True))
        run = replace(planned, created_at=planned.created_at - 60)
        workspace.runs.create(run)
        place_of = workspace.home.run_dir(run.id)
    place_of.mkdir(parents=True)
    return run.id


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(
    "flags", [("--read-only",), ("--toolsets", "author"), ("--exclude-tools", "run_logs")]
)
async def test_nothing_names_a_tool_that_is_left_out(
    embed: Connect, mode: str, flags: tuple[str, ...]
) -> None:
    async with embed(*flags, mode=mode) as agent:
        offered = await tools_of(agent)
        shown = await everything_shown(agent)

    named = {tool.name for tool in TOOLS} & set(re.findall(r"\w+", shown))
    assert named <= offered


async def everything_shown(agent: Agent) -> str:
    """Return all that a client is told before it calls anything."""
    told = [agent.client.instructions or ""]
    told += [tool.model_dump_json() for tool in (await agent.client.list_tools()).tools]
    for resource in (await agent.client.list_resources()).resources:
        told += [resource.model_dump_json(), await agent.read(str(resource.uri))]
    templates = (await agent.client.list_resource_templates()).resource_templates
    told += [template.model_dump_json() for template in templates]
    for prompt in (await agent.client.list_prompts()).prompts:
        required = {a.name: "x" for a in prompt.arguments or [] if a.required}
        filled = await agent.client.get_prompt(prompt.name, required)
        told += [prompt.model_dump_json(), filled.model_dump_json()]
    return "\n".join(told)


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS)
async def test_no_call_changes_what_is_listed(embed: Connect, mode: str) -> None:
    async with embed(*EVERYTHING, "--confirm", "never", mode=mode) as agent:
        before = await lists_of(agent)
        await agent.call("plugin_scaffold", name="fresh")
        await agent.call("plugin_scaffold", plugin="fresh", action="more")
        run = await agent.call("run_start", plugin="quick", action="run", wait_s=30)
        await agent.fail("run_start", plugin="quick", action="none")
        await agent.read(f"run://{run['run_id']}")
        await agent.call("run_delete", run_ids=["last"])
        after = await lists_of(agent)

    assert after == before


async def lists_of(agent: Agent) -> list[Any]:
    client = agent.client
    return [
        (await client.list_tools()).tools,
        (await client.list_resources()).resources,
        (await client.list_resource_templates()).resource_templates,
        (await client.list_prompts()).prompts,
    ]


# Tasks, which are no tools


def started(wire: Wire) -> str:
    """Start a run that goes on, and return its task."""
    arguments = {"plugin": "quick", "action": "run", "params": {"seconds": 60}, "wait_s": 0}
    call = modern(1, "tools/call", {"name": "run_start", "arguments": arguments}, extensions=TASKS)
    return wire.ask(call)["result"]["taskId"]


def cancel(wire: Wire, task: str) -> dict[str, Any]:
    return wire.ask(modern(2, "tasks/cancel", {"taskId": task}, extensions=TASKS))


def status(wire: Wire, task: str) -> str:
    told = wire.ask(modern(3, "tasks/get", {"taskId": task}, extensions=TASKS))
    return told["result"]["status"]


def test_a_server_that_starts_no_runs_has_no_tasks(start: Start) -> None:
    task = started(start())
    looking = start("-m", "synapse_mcp", "--read-only")

    found = looking.ask(modern(4, "server/discover"))["result"]
    refused = [
        looking.ask(modern(5, method, {"taskId": task}, extensions=TASKS))["error"]
        for method in ("tasks/get", "tasks/update", "tasks/cancel")
    ]

    assert set(TASKS) & set(found["capabilities"].get("extensions", {})) == set()
    assert {one["code"] for one in refused} == {-32601}
    assert cancel(start(), task)["result"] is not None


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--exclude-tools", "run_cancel"), "does not offer to stop runs"),
        (("--confirm", "always"), "wants a person's yes"),
    ],
)
def test_a_task_is_not_cancelled_where_a_run_would_not_be(
    start: Start, flags: tuple[str, ...], told: str
) -> None:
    wire = start("-m", "synapse_mcp", *flags)
    task = started(wire)

    refused = cancel(wire, task)["error"]
    after = status(wire, task)
    cancel(start(), task)

    assert told in refused["message"]
    assert after == "working"


def test_cancelling_a_task_is_recorded_without_its_handle(start: Start, place: Place) -> None:
    wire = start()
    task = started(wire)
    cancel(wire, task)

    text = (place.home / "audit.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    run_id, _, seal = task.rpartition(".")
    assert [(line["tool"], line["outcome"], line["run_id"]) for line in lines] == [
        ("run_start", "ok", run_id),
        ("tasks/cancel", "ok", run_id),
    ]
    assert seal not in text


@pytest.mark.anyio
async def test_a_plugin_outside_of_the_roots_is_not_there(embed: Connect, tmp_path: Path) -> None:
    elsewhere = Place(tmp_path / "elsewhere")
    elsewhere.plugin("hidden", SOURCE)

    async with embed() as agent:
        found = await agent.call("plugin_search")
        by_code = await agent.fail("run_start", plugin="hidden", action="run")
        by_path = await agent.fail("run_start", plugin=str(elsewhere.root / "hidden"), action="run")
        with pytest.raises(MCPError):
            await agent.read("plugin://hidden")
    async with embed("--root", str(elsewhere.root)) as agent:
        both = await agent.call("plugin_search")

    assert [row["plugin"] for row in found["plugins"]] == ["quick"]
    assert by_code.startswith("[plugin_not_found] ")
    assert by_path.startswith("[path_refused] ")
    assert [row["plugin"] for row in both["plugins"]] == ["hidden", "quick"]

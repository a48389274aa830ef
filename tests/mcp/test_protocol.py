"""What the server tells about itself, in both eras."""

import json

import pytest
from mcp.shared.exceptions import MCPError

import synapse_core
from synapse_mcp.server.instructions import MAX_CHARS, server_instructions
from synapse_mcp.settings import TOOLSETS
from tests.mcp.world import ERAS, Connect

pytestmark = pytest.mark.anyio
ALL_TOOLS = [name for names in TOOLSETS.values() for name in names]
TEMPLATES = [
    "plugin://{id}",
    "plugin://{id}/{action}/schema",
    "pipeline://{plugin}/{pipeline}",
    "run://{run_id}/nodes",
    "run://{run_id}",
    "run://{run_id}/log{?cursor,tail,level}",
    "run://{run_id}/metrics{?name}",
    "run://{run_id}/outputs/{+path}",
    "run://{run_id}/diff/{other}",
    "deployment://{deployment}",
    "deployment://{deployment}/log{?cursor,tail}",
]
"""What a client is told of resources that have a part to fill in."""


@pytest.mark.parametrize("mode", [*ERAS, "auto"])
async def test_a_client_of_either_era_finds_tools_resources_and_prompts(
    connect: Connect, mode: str
) -> None:
    async with connect(mode=mode) as agent:
        client = agent.client
        tools = (await client.list_tools()).tools
        resources = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates
        prompts = (await client.list_prompts()).prompts
        version = client.protocol_version

    assert version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
    assert [tool.name for tool in tools] == [
        "plugin_search",
        "plugin_describe",
        "run_start",
        "run_status",
        "run_logs",
        "run_list",
        "run_cancel",
        "run_outputs",
        "plugin_scaffold",
        "plugin_check",
        "env_doctor",
    ]
    uris = [resource.uri for resource in resources]
    assert [uri for uri in uris if not uri.startswith("skill://")] == [
        "config://effective",
        "config://clusters",
    ]
    assert [template.uri_template for template in templates] == TEMPLATES
    assert [prompt.name for prompt in prompts] == [
        "compare_runs",
        "debug_run",
        "set_up_environment",
        "write_action",
    ]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_server_names_itself_and_explains_itself(connect: Connect, mode: str) -> None:
    async with connect(mode=mode) as agent:
        info, instructions = agent.client.server_info, agent.client.instructions

    assert info is not None
    assert (info.name, info.version) == ("synapse", synapse_core.__version__)
    assert instructions is not None
    assert instructions.startswith("Synapse runs typed Python actions")


def test_instructions_are_short_and_name_only_tools_that_are_offered() -> None:
    everything = server_instructions(frozenset(ALL_TOOLS))
    little = server_instructions(frozenset({"run_list"}))

    assert len(everything) <= MAX_CHARS
    assert "plugin_scaffold" in everything
    assert not [name for name in ALL_TOOLS if name in little]


@pytest.mark.parametrize(
    ("flags", "offered"),
    [
        (["--read-only"], 8),
        (["--read-only", "--toolsets", "core,author,admin", "--tools", "run_start"], 8),
        (["--toolsets", "core,author,admin"], 12),
        (["--toolsets", "", "--tools", "run_list"], 1),
        (["--exclude-tools", "run_start,run_cancel"], 9),
    ],
)
async def test_flags_decide_which_tools_are_offered(
    embed: Connect, flags: list[str], offered: int
) -> None:
    async with embed(*flags) as agent:
        tools = (await agent.client.list_tools()).tools

    assert len(tools) == offered
    if "--read-only" in flags:
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)


@pytest.mark.parametrize("mode", ERAS)
async def test_a_tool_that_is_off_cannot_be_called(embed: Connect, mode: str) -> None:
    async with embed("--read-only", mode=mode) as agent:
        text = await agent.fail("run_start", plugin="p", action="a")

    assert text.startswith("[tool_not_found] This server offers no tool 'run_start'.")


async def test_lists_may_be_kept_by_the_client_and_are_the_same_each_time(connect: Connect) -> None:
    async with connect() as agent, connect() as other:
        one = await agent.client.list_tools()
        two = await other.client.list_tools()

    assert one.ttl_ms == 300_000
    assert json.dumps(one.model_dump(mode="json")) == json.dumps(two.model_dump(mode="json"))


@pytest.mark.parametrize("mode", ERAS)
async def test_a_resource_that_is_not_there_is_a_protocol_error_that_helps(
    embed: Connect, mode: str
) -> None:
    async with embed(mode=mode) as agent:
        with pytest.raises(MCPError) as caught:
            await agent.read("run://20260101-000000-aaaaaaaa")

    assert caught.value.error.code == -32602
    assert caught.value.error.message.startswith("[run_not_found] ")
    assert "Example: run_list" in caught.value.error.message


async def test_clusters_are_told_and_none_is_started(connect: Connect) -> None:
    async with connect() as agent:
        told = json.loads(await agent.read("config://clusters"))

    assert [(view["name"], view["is_up"]) for view in told["clusters"]] == [("local", False)]

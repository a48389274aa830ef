"""The toolset `serve`, as far as it goes without Ray."""

from importlib.util import find_spec

import pytest

from tests.mcp.world import Connect, Place

SERVE = ("--toolsets", "core,serve")

SOURCE = """
from synapse_core import action


@action()
def run(text: str = "") -> str:
    return text
"""


@pytest.fixture(autouse=True)
def plugin(place: Place) -> None:
    place.plugin("echo", SOURCE)


@pytest.mark.anyio
async def test_without_deployments_the_list_is_empty(embed: Connect) -> None:
    async with embed(*SERVE) as agent:
        assert (await agent.call("deployment_list"))["deployments"] == []


@pytest.mark.anyio
@pytest.mark.parametrize("tool", ["deployment_logs", "deployment_delete"])
async def test_a_deployment_that_is_not_there_is_told(embed: Connect, tool: str) -> None:
    async with embed(*SERVE) as agent:
        told = await agent.fail(tool, name="nothing")

    assert told.startswith("[not_found] No deployment is called 'nothing'.")


@pytest.mark.anyio
async def test_what_to_change_must_be_named(embed: Connect) -> None:
    async with embed(*SERVE) as agent:
        told = await agent.fail("deployment_apply", replicas=2)

    assert "Give `plugin` to deploy it" in told


@pytest.mark.anyio
async def test_the_action_must_be_named_where_none_says_that_it_is_served(embed: Connect) -> None:
    async with embed(*SERVE) as agent:
        told = await agent.fail("deployment_apply", plugin="echo")

    assert "`method: serve`" in told
    assert "Name one of: run" in told


@pytest.mark.anyio
@pytest.mark.skipif(find_spec("fastapi") is not None, reason="Ray Serve is installed")
async def test_the_missing_extra_is_one_sentence(embed: Connect) -> None:
    async with embed(*SERVE) as agent:
        told = await agent.fail("deployment_apply", plugin="echo", action="run")

    assert told.startswith("[missing_extra] Deployments need the extra `serve`")
    assert "pip install 'synapse-mcp[serve]'" in told


@pytest.mark.anyio
async def test_without_the_toolset_there_is_no_word_of_it(embed: Connect) -> None:
    async with embed() as agent:
        names = {tool.name for tool in (await agent.client.list_tools()).tools}

    assert not [name for name in names if name.startswith("deployment")]

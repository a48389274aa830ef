"""The toolset `serve`, as far as it goes without Ray."""

import json
from importlib.util import find_spec

import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import ResourceTemplateReference

from synapse_core.config.home import Home
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import LogLevel, LogSource
from synapse_core.serving.log_files import LogWriter
from synapse_core.serving.release import Deployment
from synapse_core.serving.shelf import Shelf
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
    assert "Example" not in told


@pytest.fixture
def kept(place: Place) -> None:
    """A deployment that was stopped with its cluster, and what it said."""
    shelf = Shelf(Home(place.home))
    shelf.keep(
        Deployment(
            name="echo-run",
            plugin="echo",
            plugin_path="/",
            action="run",
            release=1,
            replicas=1,
            max_replicas=3,
        )
    )
    writer = LogWriter(shelf.logs("echo-run"), "r1", Redactor())
    writer.write(LogLevel.INFO, LogSource.ACTION, "one\ntwo\nthree")
    writer.close()


@pytest.mark.anyio
@pytest.mark.usefixtures("kept")
async def test_a_deployment_and_its_log_are_read_by_their_addresses(embed: Connect) -> None:
    async with embed() as agent:
        told = json.loads(await agent.read("deployment://echo-run"))
        tail = await agent.read("deployment://echo-run/log?tail=2")
        *_, last = tail.splitlines()
        rest = await agent.read(last.removeprefix("[lines to come: ").removesuffix("]"))
        named = await agent.client.complete(
            ResourceTemplateReference(uri="deployment://{deployment}"),
            {"name": "deployment", "value": "ec"},
        )
        doctor = await agent.call("env_doctor")
    async with embed(*SERVE) as agent:
        listed = await agent.call("deployment_list")

    assert listed["next"] == ['deployment_apply {"name": "echo-run"}']
    assert (told["state"], told["wanted"], told["error"]) == ("stopped", "1-3", "")
    assert [line.rpartition(": ")[2] for line in tail.splitlines()[:-1]] == ["two", "three"]
    assert rest.startswith("[lines to come")
    assert named.completion.values == ["echo-run"]
    assert "echo-run is stopped: 0 of 1-3 replicas answer." in json.dumps(doctor["problems"])


@pytest.mark.anyio
@pytest.mark.usefixtures("kept")
async def test_a_tail_that_is_no_number_is_refused(embed: Connect) -> None:
    async with embed() as agent:
        with pytest.raises(MCPError, match="Give a number from 1 to 1000"):
            await agent.read("deployment://echo-run/log?tail=many")


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

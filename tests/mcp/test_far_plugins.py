"""An agent whose environment names a service finds there what it can start there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.config.environments import Environment
from synapse_core.config.home import Home
from synapse_core.operations.environments import add_environment
from synapse_core.testing.service import RUN_TOKEN, serving
from synapse_core.workspace import open_workspace
from tests.mcp.world import Connect, Place
from tests.pipelines.conftest import ACTIONS, CONFIG

pytestmark = pytest.mark.anyio


@pytest.fixture
def url(tmp_path: Path, place: Place) -> Iterator[str]:
    """A service with a plugin; here lies another one."""
    folder = tmp_path / "there" / "works"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "works.py").write_text(ACTIONS, encoding="utf-8")
    with open_workspace(tmp_path / "far", [folder.parent]) as far, serving(far) as url:
        add_environment(Home(place.home), Environment(name="far", service_url=url, token=RUN_TOKEN))
        yield url


async def test_plugins_of_the_service_are_found_described_and_started(
    connect: Connect, place: Place, url: str
) -> None:
    here = place.plugin("mine", "def run(): pass")
    async with connect() as agent:
        found = await agent.call("plugin_search")
        described = await agent.call("plugin_describe", plugin="works", action="line")
        plugin = await agent.call("plugin_describe", plugin="works")
        own = await agent.call("plugin_describe", plugin=str(here))
        told = await agent.fail("plugin_describe", plugin="mine")
        schema = await agent.read("plugin://works/square/schema")
        run = await agent.call(
            "run_start", plugin="works", action="line", params=described["example"], wait_s=30
        )

    assert [one["plugin"] for one in found["plugins"]] == ["works"]
    assert {"split", "squares"} <= {one["name"] for one in plugin["actions"]}
    assert plugin["path"] == described["path"] == url
    assert "number" in schema
    assert own["plugin"] == "mine"
    assert "works" in told
    assert (run["status"], run["result"]) == ("succeeded", {"total": 0})

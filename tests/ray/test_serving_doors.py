"""Deployments through the doors: as an agent has them, and as a person at a shell."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from synapse_core.config.home import Home
from synapse_core.executors.ray.driver.door import DriverDoor
from tests.mcp.world import Place, embed_in
from tests.ray.calling import send
from tests.ray.test_serving_others import REVERSE, write_plugin

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_an_agent_deploys_reads_the_log_and_deletes(ray_root: Path, door: DriverDoor) -> None:
    del door
    place = Place(ray_root)
    place.root.mkdir(exist_ok=True)
    write_plugin(place.root / "mirror", REVERSE)

    async with embed_in(place)("--toolsets", "core,serve", environ=os.environ) as agent:
        made = await agent.call("deployment_apply", plugin="mirror", wait_s=50)
        url = made["deployment"]["url"]
        answer = send(url, {"text": "agent"})
        listed = await agent.call("deployment_list")
        log = await agent.call("deployment_logs", name="mirror-answer")
        kept = await agent.fail("deployment_delete", name="mirror-answer")
        await agent.call("deployment_delete", name="mirror-answer", confirm="delete mirror-answer")
        empty = await agent.call("deployment_list")

    assert made["deployment"]["state"] == "running"
    assert answer.body == "tnega"
    assert "mirror-answer" in [one["name"] for one in listed["deployments"]]
    assert any("Release 1 is ready" in line for line in log["lines"])
    assert kept.startswith("[confirmation_required]")
    assert "mirror-answer" not in [one["name"] for one in empty["deployments"]]


def test_a_person_does_the_same(ray_home: Home, ray_root: Path, door: DriverDoor) -> None:
    del door
    folder = write_plugin(ray_root / "typed", REVERSE)

    def synapse(*words: str) -> Any:  # noqa: ANN401 - free JSON
        done = subprocess.run(
            [sys.executable, "-m", "synapse_mcp.cli", *words],
            env={**os.environ, "SYNAPSE_HOME": str(ray_home.root)},
            capture_output=True,
            text=True,
            check=False,
            timeout=55,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]) if "--json" in words else done.stdout

    made = synapse("deploy", str(folder), "--json")
    answer = send(made["url"], {"text": "shell"})
    write_plugin(folder, REVERSE.replace("text[::-1]", "text.upper()"))
    updated = synapse("deployment", "update", made["name"], "--json")
    changed = send(made["url"], {"text": "shell"})
    table = synapse("deployment", "list")
    log = synapse("deployment", "logs", made["name"])
    synapse("deployment", "delete", made["name"], "--yes")

    assert (made["state"], made["release"]) == ("running", 1)
    assert (updated["state"], updated["release"]) == ("running", 2)
    assert (answer.body, changed.body) == ("llehs", "SHELL")
    assert "typed-answer" in table
    assert "Release 2 is ready" in log

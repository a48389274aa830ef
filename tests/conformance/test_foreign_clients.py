"""Clients that others wrote, in another language, against the real command."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.programs import SERVER, inspect, run_node
from tests.mcp.http_server import HttpServer, serving
from tests.mcp.test_protocol import TEMPLATES
from tests.mcp.world import Place

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("conformance")]

SLOW = """
    import time
    from synapse_core import action

    @action
    def run() -> str:
        for number in range(3):
            time.sleep(0.4)
            print("line", number)
        return "done"
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.root.mkdir()
    made.plugin("slow", SLOW)
    return made


def typescript(place: Place, *words: str) -> dict[str, Any]:
    done = run_node("client", *words, env={"SYNAPSE_HOME": str(place.home)})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("era", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
@pytest.mark.parametrize("door", ["stdio", "http"])
def test_the_client_of_the_typescript_sdk_starts_a_run_and_hears_of_it(
    place: Place, door: str, era: str, version: str
) -> None:
    if door == "stdio":
        seen = typescript(place, era, "stdio", str(SERVER), "--root", str(place.root))
    else:
        with serving(place) as server:
            seen = typescript(place, era, "http", server.url, server.token)

    assert seen["version"] == version
    assert seen["server"] == "synapse"
    assert seen["tools"][:2] == ["plugin_search", "plugin_describe"]
    assert (seen["prompts"], seen["templates"]) == (4, len(TEMPLATES))
    assert seen["updated"].startswith("run://")
    assert (seen["status"], seen["read"]) == ("succeeded", "succeeded")


class Inspector:
    """The Inspector's command line, for one server in one era."""

    def __init__(self, place: Place, target: list[str], era: str) -> None:
        self._place, self._target, self._era = place, target, era

    def run(self, method: str, *words: str) -> "subprocess.CompletedProcess[str]":
        return inspect(
            self._place.home, self._target, "--protocol-era", self._era, "--method", method, *words
        )

    def ask(self, method: str, *words: str) -> dict[str, Any]:
        done = self.run(method, *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["result"]


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_lists_calls_reads_and_prompts(place: Place, era: str) -> None:
    inspector = Inspector(place, [str(SERVER), "--root", str(place.root)], era)

    tools = inspector.ask("tools/list")["tools"]
    found = inspector.ask("tools/call", "--tool-name", "plugin_search")
    config = inspector.ask("resources/read", "--uri", "config://effective")
    prompt = inspector.ask(
        "prompts/get", "--prompt-name", "debug_run", "--prompt-args", "run_id=last"
    )

    assert len(tools) == 11
    assert found["structuredContent"]["plugins"][0]["plugin"] == "slow"
    assert json.loads(config["contents"][0]["text"])["home"] == str(place.home)
    assert "last" in prompt["messages"][0]["content"]["text"]


def test_the_inspector_finds_no_schema_that_some_client_could_not_read(place: Place) -> None:
    """What it only warns of is the result of an action, which may be any JSON value."""
    inspector = Inspector(place, [str(SERVER), "--root", str(place.root)], "modern")

    done = inspector.run("tools/list", "--strict")

    assert done.returncode == 0, done.stderr
    assert "0 errors, 2 warnings across 2 tools" in done.stderr
    assert done.stderr.count("Path: outputSchema.properties.result\n") == 2


def test_the_inspector_verifies_the_skills_by_their_digests(place: Place) -> None:
    inspector = Inspector(place, [str(SERVER), "--root", str(place.root)], "modern")

    done = inspector.run("skills/list", "--verify")

    assert done.returncode == 0, done.stdout
    report = json.loads(done.stdout)
    assert report["uri"] == "skill://plugin-author/SKILL.md"
    assert {file["status"] for file in report["files"]} == {"verified"}


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_no_call_fails_while_twenty_are_in_flight(place: Place, era: str) -> None:
    inspector = Inspector(place, [str(SERVER), "--root", str(place.root)], era)

    load = inspector.ask(
        "tools/call",
        *("--tool-name", "run_list", "--load", "--load-requests", "300"),
        *("--load-concurrency", "20"),
    )

    assert (load["requests"], load["ok"], load["errorRate"]) == (300, 300, 0)


def test_the_inspector_is_let_in_over_http_with_the_token_only(place: Place) -> None:
    with serving(place) as server:
        refused = http_inspector(place, server, "Bearer of-somebody-else").run("tools/list")
        tools = http_inspector(place, server, f"Bearer {server.token}").ask("tools/list")["tools"]

    assert refused.returncode != 0
    assert len(tools) == 11


def http_inspector(place: Place, server: HttpServer, token: str) -> Inspector:
    target = ["--server-url", server.url, "--header", f"Authorization: {token}"]
    return Inspector(place, target, "modern")


def test_the_command_under_test_is_the_installed_one() -> None:
    assert os.access(SERVER, os.X_OK)

"""No path and no name leads out of the roots and the home, at any door."""

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

import anyio
import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference, ResourceTemplateReference

from tests.mcp.trap import HOSTILE, SECRET, Trap, build_trap
from tests.mcp.world import PATIENCE_S, Agent, Connect, Place, embed_in, text_of

pytestmark = pytest.mark.anyio

Door = Callable[[Agent, Trap, str], Awaitable[str]]


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> Trap:
    """One world for all doors that change nothing."""
    return build_trap(tmp_path_factory.mktemp("trap"))


@pytest.fixture
def place(trap: Trap) -> Place:
    return trap.place


def tool(called: str, argument: str, /, **others: object) -> Door:
    """Return the door of one argument of a tool."""

    async def knock(agent: Agent, trap: Trap, text: str) -> str:
        run_id = {"run_id": trap.run_id} if others.get("run_id") == "the run" else {}
        answer = await agent.raw(called, **{**others, **run_id, argument: text})
        if answer.is_error:
            check_refusal(text_of(answer))
        return answer.model_dump_json()

    return knock


def resource(uri: str, *, is_encoded: bool = False) -> Door:
    """Return the door of a URI; `TEXT` stands for the text, `RUN` for the run."""

    async def knock(agent: Agent, trap: Trap, text: str) -> str:
        shown = quote(text, safe="", errors="surrogatepass") if is_encoded else text
        asked = uri.replace("RUN", trap.run_id if trap.run else "").replace("TEXT", shown)
        try:
            return (await agent.client.read_resource(asked)).model_dump_json()
        except MCPError as error:
            check_refusal(error.error.message)
            return json.dumps([error.error.message, error.error.data])

    return knock


def check_refusal(text: str) -> None:
    """Fail unless an agent can tell what was wrong, and what to do."""
    assert re.match(r"\[[a-z_]+\] .", text), text
    assert "\nFix: " in text, text
    assert len(text) <= 2_000


def completion(variable: str, given: str) -> Door:
    """Return the door of a variable that is given while another one is completed."""

    async def knock(agent: Agent, trap: Trap, text: str) -> str:
        del trap  # no run is needed
        template = ResourceTemplateReference(uri="run://{run_id}/outputs/{+path}")
        found = await agent.client.complete(
            template, {"name": variable, "value": ""}, context_arguments={given: text}
        )
        return found.model_dump_json()

    return knock


async def prompt(agent: Agent, trap: Trap, text: str) -> str:
    del trap  # no run is needed
    found = await agent.client.complete(
        PromptReference(name="debug_run"), {"name": "run_id", "value": text}
    )
    return found.model_dump_json()


async def watching(agent: Agent, trap: Trap, text: str) -> str:
    del trap  # no run is needed
    try:
        await agent.client.session.subscribe_resource(f"run://{text}")  # pyright: ignore[reportDeprecated] the older protocols have it
    except MCPError as error:
        return error.error.message
    return ""


LOOKING: dict[str, Door] = {
    "plugin_search query": tool("plugin_search", "query"),
    "plugin_describe plugin": tool("plugin_describe", "plugin"),
    "plugin_describe action": tool("plugin_describe", "action", plugin="saver"),
    "plugin_check path": tool("plugin_check", "path"),
    "run_start plugin": tool("run_start", "plugin", action="run", dry_run=True),
    "run_start action": tool("run_start", "action", plugin="saver", dry_run=True),
    "run_start executor": tool("run_start", "executor", plugin="saver", action="run", dry_run=True),
    "run_start rerun_of": tool("run_start", "rerun_of", dry_run=True),
    "run_status run_id": tool("run_status", "run_id"),
    "run_logs run_id": tool("run_logs", "run_id"),
    "run_logs cursor": tool("run_logs", "cursor", run_id="the run"),
    "run_list plugin": tool("run_list", "plugin"),
    "run_list cursor": tool("run_list", "cursor"),
    "run_cancel run_id": tool("run_cancel", "run_id"),
    "run_outputs run_id": tool("run_outputs", "run_id"),
    "run_outputs path": tool("run_outputs", "path", run_id="the run"),
    "run": resource("run://TEXT"),
    "run, encoded": resource("run://TEXT", is_encoded=True),
    "log": resource("run://TEXT/log"),
    "log cursor": resource("run://RUN/log?cursor=TEXT"),
    "diff": resource("run://RUN/diff/TEXT"),
    "output": resource("run://RUN/outputs/TEXT"),
    "output, encoded": resource("run://RUN/outputs/TEXT", is_encoded=True),
    "plugin": resource("plugin://TEXT"),
    "plugin, encoded": resource("plugin://TEXT", is_encoded=True),
    "schema": resource("plugin://saver/TEXT/schema"),
    "skill": resource("skill://TEXT"),
    "file of a skill": resource("skill://plugin-author/TEXT"),
    "any URI": resource("TEXT"),
    "completion of a path": completion("path", "run_id"),
    "completion of an action": completion("action", "plugin"),
    "completion of a run": prompt,
}


@pytest.mark.parametrize("name", LOOKING)
async def test_a_door_that_looks_tells_nothing_from_outside(
    embed: Connect, trap: Trap, name: str
) -> None:
    before = trap.outside()

    async with embed() as agent:
        with anyio.fail_after(PATIENCE_S):
            told = {text: await LOOKING[name](agent, trap, text) for text in trap.texts}

    for text, answer in told.items():
        assert SECRET not in answer, text
        assert "root:x:0:0" not in answer, text
        assert "internal_error" not in answer, text
    assert trap.outside() == before


@pytest.mark.filterwarnings("ignore:resources/subscribe is removed")  # older protocols have it
async def test_no_subscription_leads_outside(embed: Connect, trap: Trap) -> None:
    async with embed(mode="legacy") as agent:
        told = [await watching(agent, trap, text) for text in trap.texts]

    assert all("internal_error" not in text and SECRET not in text for text in told)


async def test_nothing_that_stands_in_the_root_leads_outside(embed: Connect) -> None:
    async with embed() as agent:
        with anyio.fail_after(PATIENCE_S):
            found = await agent.call("plugin_search")
            doctor = await agent.raw("env_doctor")
            read = await agent.read("config://effective")

    assert [row["plugin"] for row in found["plugins"]] == ["saver"]
    assert SECRET not in json.dumps(found) + doctor.model_dump_json() + read


@pytest.mark.parametrize("name", ["linked", "piped", "endless"])
async def test_what_replaced_a_saved_file_is_not_read(
    embed: Connect, trap: Trap, name: str
) -> None:
    path = f"replaced/{name}.txt"

    async with embed() as agent:
        with anyio.fail_after(PATIENCE_S):
            told = await agent.fail("run_outputs", run_id=trap.run_id, path=path)
            read = await resource(f"run://RUN/outputs/{path}")(agent, trap, "")

    assert told.startswith("[path_refused]" if name != "piped" else "[artifact_not_found]")
    assert SECRET not in told + read
    assert "path_refused" in read or "artifact_not_found" in read


async def test_what_a_run_saved_is_read(embed: Connect, trap: Trap) -> None:
    async with embed() as agent:
        fine = await agent.read(f"run://{trap.run_id}/outputs/data/fine%20name%20%C3%BC.txt")

    assert fine == "fine"


WRITING: dict[str, Door] = {
    "plugin_scaffold name": tool("plugin_scaffold", "name"),
    "plugin_scaffold dir": tool("plugin_scaffold", "dir", name="fine_one"),
    "plugin_scaffold plugin": tool("plugin_scaffold", "plugin", action="more"),
    "plugin_scaffold action": tool("plugin_scaffold", "action", plugin="saver"),
    "plugin_scaffold description": tool("plugin_scaffold", "description", name="described"),
}


@pytest.fixture
def writable(tmp_path: Path) -> Trap:
    """A world of its own for a door that writes."""
    return build_trap(tmp_path / "writable", with_run=False)


@pytest.mark.parametrize("name", WRITING)
async def test_a_door_that_writes_touches_nothing_outside(writable: Trap, name: str) -> None:
    before = writable.outside()

    async with embed_in(writable.place)() as agent:
        with anyio.fail_after(PATIENCE_S):
            told = {text: await WRITING[name](agent, writable, text) for text in writable.texts}

    assert writable.outside() == before
    for text, answer in told.items():
        assert SECRET not in answer, text
        assert "internal_error" not in answer, text


async def test_no_name_makes_a_deletion_touch_anything_outside(
    tmp_path: Path,
) -> None:
    trap = build_trap(tmp_path / "deleted")
    before = trap.outside()
    flags = ("--toolsets", "core,admin", "--confirm", "never")

    async with embed_in(trap.place)(*flags) as agent:
        told = [await agent.raw("run_delete", run_ids=[text]) for text in trap.texts]

    assert trap.outside() == before
    assert (trap.place.home / "runs.db").is_file()
    assert all("internal_error" not in answer.model_dump_json() for answer in told)


def test_the_corpus_is_large_and_says_nothing_twice() -> None:
    texts = [text for group in HOSTILE.values() for text in group]

    assert len(texts) == len(set(texts)) >= 300
    assert len(HOSTILE) >= 12

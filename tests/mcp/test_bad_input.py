"""Hostile and careless input is refused with words that help, and reaches nothing."""

import json
import os
from pathlib import Path

import pytest

from tests.mcp.world import Connect, Place

pytestmark = pytest.mark.anyio

SAVER = """
from synapse_core import RuntimeContext, action


@action()
def run(ctx: RuntimeContext) -> str:
    ctx.save_artifact("fine", "data/fine name ü.txt")
    ctx.save_artifact(bytes(range(256)), "data/bytes.bin")
    return "saved"
"""


@pytest.fixture
def saver(place: Place) -> None:
    place.plugin("saver", SAVER)


WRONG_ARGUMENTS: list[tuple[str, dict[str, object], str]] = [
    ("run_start", {}, "plugin is required"),
    ("run_start", {"plugin": "p"}, "action is required"),
    ("run_start", {"plugin": "p", "action": "a", "wait_s": 51}, "wait_s: should be less"),
    ("run_start", {"plugin": "p", "action": "a", "wait_s": -1}, "wait_s: should be greater"),
    ("run_start", {"plugin": "p", "action": "a", "params": "no JSON"}, "params: should be a valid"),
    ("run_start", {"plugin": "p", "action": "a", "params": [1]}, "params: should be a valid"),
    ("run_start", {"plugin": "p", "action": "a", "env": {"A": 1}}, "env.A: should be a valid"),
    ("run_start", {"plugin": "p", "action": "a", "parms": {}}, "Did you mean 'params'?"),
    ("run_start", {"rerun_of": "last", "timeout_s": 3}, "leave out ['timeout_s']"),
    ("run_status", {}, "run_id: is required"),
    ("run_status", {"run_id": "x", "wait_s": 1e9}, "wait_s: should be less"),
    ("run_logs", {"run_id": "x", "tail": 0}, "tail: should be greater"),
    ("run_logs", {"run_id": "x", "level": "loud"}, "level: should be 'debug'"),
    ("run_logs", {"run_id": "x", "max_chars": 10**9}, "max_chars: should be less"),
    ("run_list", {"limit": 51}, "limit: should be less"),
    ("run_list", {"status": ["done"]}, "status.0: should be 'pending'"),
    ("run_list", {"since": "yesterday"}, "should be a time such as"),
    ("run_outputs", {"run_id": "x", "preview": 0}, "preview: should be greater"),
    ("plugin_search", {"limit": "many"}, "limit: should be a valid integer"),
    ("plugin_describe", {"plugin": 7}, "plugin: should be a valid string"),
    ("env_doctor", {"verbose": True}, "verbose: there is no such argument"),
]


@pytest.mark.parametrize(("tool", "arguments", "told"), WRONG_ARGUMENTS)
async def test_wrong_arguments_are_told_without_doing_anything(
    embed: Connect, tool: str, arguments: dict[str, object], told: str
) -> None:
    async with embed() as agent:
        text = await agent.fail(tool, **arguments)

    assert text.startswith(f"[invalid_arguments] {tool} got ")
    assert told in text
    assert f"Example: {tool} {{" in text
    assert len(text) <= 1_000


@pytest.mark.usefixtures("saver")
async def test_bytes_are_served_as_bytes(embed: Connect) -> None:
    async with embed() as agent:
        run = await agent.call("run_start", plugin="saver", action="run", wait_s=30)
        uri = f"run://{run['run_id']}/outputs/data/bytes.bin"
        (content,) = (await agent.client.read_resource(uri)).contents
        preview = await agent.call("run_outputs", run_id=run["run_id"], path="data/bytes.bin")

    assert content.model_dump()["blob"].startswith("AAECAwQF")
    assert "preview" not in preview


def write_badly_named(root: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(root) + b"/bad\xff\xfename"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system wants names that are text")
    (folder / "config.yaml").write_text("name: x\ncode: odd\n", encoding="utf-8")


async def test_a_folder_whose_name_is_no_text_breaks_no_frame(
    connect: Connect, place: Place
) -> None:
    write_badly_named(place.root)

    async with connect() as agent:
        await agent.raw("plugin_search")
        await agent.raw("plugin_describe", plugin="odd")
        await agent.raw("plugin_check", path=str(place.root))
        after = await agent.call("run_list")

    assert after["runs"] == []


async def test_two_megabytes_of_params_are_answered(connect: Connect, place: Place) -> None:
    head = "from synapse_core import action\n\n@action()\n"
    place.plugin("echo", head + "def run(text: str) -> str:\n    return text\n")
    text = 'ab\n"\\' * 400_000

    async with connect() as agent:
        run = await agent.raw(
            "run_start", plugin="echo", action="run", params={"text": text}, wait_s=40
        )
        status = await agent.raw("run_status", run_id="last")

    for answer in (run, status):
        assert len(json.dumps(answer.structured_content, ensure_ascii=False)) <= 10_000
        assert len(answer.content[0].model_dump()["text"]) <= 10_000
        assert answer.is_error or "result" in (answer.structured_content or {})["truncated"]

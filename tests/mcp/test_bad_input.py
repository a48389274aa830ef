"""Hostile and careless input is refused with words that help, and reaches nothing."""

import json
import os
import re
from pathlib import Path

import pytest
from mcp.shared.exceptions import MCPError

from tests.mcp.world import Agent, Connect, Place

pytestmark = pytest.mark.anyio

SECRET = "the secret of somebody else"

TRAVERSALS = [
    "..",
    "../secret",
    "../../secret",
    "../../../../../../../../etc/passwd",
    "a/../../secret",
    "./../secret",
    "..\\secret",
    "..\\..\\secret",
    "..%2fsecret",
    "%2e%2e/secret",
    "%2e%2e%2fsecret",
    "%252e%252e%252fsecret",
    "..%5csecret",
    "..%c0%afsecret",
    "....//secret",
    "..;/secret",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "\\\\host\\share",
    "C:\\Windows\\win.ini",
    "C:secret",
    "file:///etc/passwd",
    "~/.ssh/id_rsa",
    "$HOME/secret",
    "secret\x00.txt",
    "secret%00.txt",
    "\u2025/secret",
    "\uff0e\uff0e/secret",
    "..\u2215secret",
    "/proc/self/environ",
    "/dev/zero",
    "link/secret",
    "outside.txt",
    ".",
    "",
    " ",
    "x" * 5000,
    "a\nb",
    "../" * 200 + "etc/passwd",
]

SAVER = """
from synapse_core import RuntimeContext, action


@action()
def run(ctx: RuntimeContext) -> str:
    ctx.save_artifact("fine", "data/fine name ü.txt")
    ctx.save_artifact(bytes(range(256)), "data/bytes.bin")
    return "saved"
"""


@pytest.fixture
def guarded(place: Place) -> Place:
    """A plugin, and beside the root a secret and links that lead to it."""
    (place.folder / "secret").mkdir()
    (place.folder / "secret" / "config.yaml").write_text(SECRET, encoding="utf-8")
    (place.folder / "outside.txt").write_text(SECRET, encoding="utf-8")
    place.plugin("saver", SAVER)
    (place.root / "link").symlink_to(place.folder / "secret")
    return place


async def refusal(agent: Agent, uri: str) -> str:
    with pytest.raises(MCPError) as caught:
        await agent.client.read_resource(uri)
    return caught.value.error.message


@pytest.mark.usefixtures("guarded")
async def test_no_path_reads_anything_but_what_a_run_saved(embed: Connect) -> None:
    async with embed() as agent:
        run_id = (await agent.call("run_start", plugin="saver", action="run", wait_s=30))["run_id"]
        fine = await agent.read(f"run://{run_id}/outputs/data/fine%20name%20%C3%BC.txt")
        refused = [await refusal(agent, f"run://{run_id}/outputs/{path}") for path in TRAVERSALS]
        previews = [await agent.fail("run_outputs", run_id=run_id, path=p) for p in TRAVERSALS]

    assert fine == "fine"
    for text in refused + previews:
        assert re.match(r"\[(resource_not_found|artifact_not_found|invalid_arguments)\] ", text)
        assert "Fix: " in text
        assert SECRET not in text


@pytest.mark.usefixtures("guarded")
async def test_no_name_leads_out_of_the_roots(embed: Connect) -> None:
    async with embed() as agent:
        texts: list[str] = []
        for path in TRAVERSALS:
            texts.append(await agent.fail("plugin_describe", plugin=path))
            texts.append(await agent.fail("run_start", plugin=path, action="run"))
            texts.append(await agent.fail("run_status", run_id=path))
            texts += [await refusal(agent, uri) for uri in (f"plugin://{path}", f"run://{path}")]

    for text in texts:
        assert re.match(r"\[[a-z_]+\] ", text), text
        assert "internal_error" not in text
        assert SECRET not in text


@pytest.mark.usefixtures("guarded")
async def test_a_check_reads_nothing_outside_the_roots(embed: Connect) -> None:
    async with embed() as agent:
        answers = [await agent.raw("plugin_check", path=path) for path in TRAVERSALS]

    for answer in answers:
        told = json.dumps(answer.model_dump(mode="json"))
        assert SECRET not in told
        assert "internal_error" not in told


@pytest.mark.parametrize("name", [*TRAVERSALS, "ünï cödé", "two words", "CON", "-rf", "a/b"])
async def test_a_scaffold_writes_nothing_outside_the_roots(
    embed: Connect, place: Place, name: str
) -> None:
    before = set(place.folder.parent.rglob("*"))

    async with embed() as agent:
        await agent.raw("plugin_scaffold", name=name, template="custom")
        await agent.raw("plugin_scaffold", name="fine", template="custom", dir=name)

    new = set(place.folder.parent.rglob("*")) - before
    assert all(path.is_relative_to(place.root) or path.is_relative_to(place.home) for path in new)


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


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("plugin_describe", {"plugin": "savr"}),
        ("plugin_describe", {"plugin": "saver", "action": "rum"}),
        ("run_start", {"plugin": "saver", "action": "rum"}),
        ("run_start", {"plugin": "saver", "action": "run", "executor": "ray"}),
        ("run_start", {"plugin": "saver", "action": "run", "params": {"x": 1}}),
        ("run_status", {"run_id": "20200101-000000-aaaaaaaa"}),
        ("run_logs", {"run_id": "last", "grep": "("}),
        ("run_logs", {"run_id": "last", "cursor": "not-a-cursor"}),
        ("run_list", {"cursor": "not-a-cursor"}),
        ("plugin_search", {"cursor": "not-a-cursor"}),
        ("run_outputs", {"run_id": "last", "path": "data/fine.txt"}),
        ("run_cancel", {"run_id": "20200101-000000-aaaaaaaa"}),
    ],
)
async def test_the_example_of_an_error_is_a_call_that_works(
    embed: Connect, call: str, arguments: dict[str, object]
) -> None:
    async with embed() as agent:
        await agent.call("run_start", plugin="saver", action="run", wait_s=30)
        text = await agent.fail(call, **arguments)
        example = re.search(r"^Example: (\w+) (\{.*\})$", text, re.MULTILINE)
        assert example, text
        named = json.loads(example[2])
        if "plugin" in named:
            named["plugin"] = "saver"
        if "action" in named:
            named["action"] = "run"
        corrected = await agent.raw(example[1], **named)

    assert not corrected.is_error, (text, corrected.content)


def replace_by_link(file: Path, target: Path) -> None:
    file.unlink()
    file.symlink_to(target)


@pytest.mark.usefixtures("guarded")
async def test_a_link_that_replaces_an_artifact_is_not_followed(
    embed: Connect, place: Place
) -> None:
    async with embed() as agent:
        run = await agent.call("run_start", plugin="saver", action="run", wait_s=30)
        listed = await agent.call("run_outputs", run_id=run["run_id"], path="data/fine name ü.txt")
        replace_by_link(Path(listed["artifacts"][0]["file"]), place.folder / "outside.txt")
        text = await agent.fail("run_outputs", run_id=run["run_id"], path="data/fine name ü.txt")
        refused = await refusal(agent, f"run://{run['run_id']}/outputs/data/fine name ü.txt")

    assert text.startswith("[path_refused] ")
    assert refused.startswith("[path_refused] ")


@pytest.mark.usefixtures("guarded")
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

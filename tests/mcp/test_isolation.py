"""Nothing of a plugin reaches the server, the wire or another plugin."""

import pytest

from tests.mcp.world import ERAS, Connect, Place

pytestmark = pytest.mark.anyio

LOUD = """
import os
import subprocess
import sys

print("printed while imported", flush=True)
os.write(1, b"raw while imported\\n")

from synapse_core import action


@action()
def run() -> str:
    print("printed in the action", flush=True)
    print("to stderr", file=sys.stderr, flush=True)
    os.write(1, b"raw in the action\\n")
    subprocess.run(["echo", "from a child"], check=True)
    print('{"jsonrpc": "2.0", "id": 1, "result": {}}', flush=True)
    return "done"
"""


@pytest.mark.parametrize("mode", ERAS)
async def test_whatever_a_plugin_prints_lands_in_its_log(
    connect: Connect, place: Place, mode: str
) -> None:
    place.plugin("loud", LOUD)

    async with connect(mode=mode) as agent:
        await agent.call("plugin_describe", plugin="loud", action="run")
        run = await agent.call("run_start", plugin="loud", action="run", wait_s=30)
        logs = await agent.call("run_logs", run_id=run["run_id"])

    assert run["status"] == "succeeded"
    told = "\n".join(logs["lines"])
    for text in (
        "printed while imported",
        "raw while imported",
        "printed in the action",
        "to stderr",
        "raw in the action",
        "from a child",
        '{"jsonrpc": "2.0", "id": 1, "result": {}}',
    ):
        assert text in told


def source_telling(name: str) -> str:
    return f"""
        from synapse_core import action
        from shared.answer import NAME

        @action()
        def run() -> str:
            return NAME + " by {name}"
        """


async def test_two_plugins_with_the_same_module_names_never_mix(
    connect: Connect, place: Place
) -> None:
    for name in ("one", "two"):
        folder = place.plugin(name, source_telling(name))
        (folder / "shared").mkdir()
        (folder / "shared" / "__init__.py").touch()
        (folder / "shared" / "answer.py").write_text(f"NAME = {name!r}\n", encoding="utf-8")

    async with connect() as agent:
        results = [
            (await agent.call("run_start", plugin=name, action="run", wait_s=30))["result"]
            for name in ("one", "two", "one")
        ]

    assert results == ["one by one", "two by two", "one by one"]


async def test_an_edit_is_seen_by_the_next_run_and_description(
    connect: Connect, place: Place
) -> None:
    head = "from synapse_core import action\n\n@action()\n"
    source = head + "def run({0}: int = {1}) -> int:\n    return {0}\n"
    place.plugin("edited", source.format("first", 1))

    async with connect() as agent:
        first = await agent.call("run_start", plugin="edited", action="run", wait_s=30)
        place.plugin("edited", source.format("better", 22))
        second = await agent.call("run_start", plugin="edited", action="run", wait_s=30)
        described = await agent.call("plugin_describe", plugin="edited", action="run")

    assert (first["result"], second["result"]) == (1, 22)
    assert list(described["params"]["properties"]) == ["better"]


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("raise SystemExit(3)", "action_failed"),
        ("import os; os._exit(7)", "worker_lost"),
        ("import ctypes; ctypes.string_at(0)", "worker_lost"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "worker_lost"),
        ("def f(): return f()\n    f()", "action_failed"),
    ],
    ids=["sys.exit", "os._exit", "segfault", "SIGKILL", "recursion"],
)
async def test_the_end_of_a_plugin_is_the_end_of_its_run_only(
    connect: Connect, place: Place, end: str, code: str
) -> None:
    place.plugin(
        "deadly", f"from synapse_core import action\n\n@action()\ndef run() -> None:\n    {end}\n"
    )

    async with connect() as agent:
        run = await agent.call("run_start", plugin="deadly", action="run", wait_s=30)
        after = await agent.call("run_list")

    assert run["status"] == "failed"
    assert run["error"]["code"] in {code, "action_failed"}
    assert [row["run_id"] for row in after["runs"]] == [run["run_id"]]


@pytest.mark.parametrize(
    "at_import", ["raise SystemExit(1)", "import os; os._exit(1)", "1 / 0", "import no_such_module"]
)
async def test_a_plugin_that_cannot_be_imported_is_told_and_harms_nothing(
    connect: Connect, place: Place, at_import: str
) -> None:
    place.plugin("broken", f"{at_import}\n")

    async with connect() as agent:
        text = await agent.fail("run_start", plugin="broken", action="run")
        found = await agent.call("plugin_search")

    assert text.startswith("[action_load_failed] ")
    assert "Fix: " in text
    assert [row["plugin"] for row in found["plugins"]] == ["broken"]

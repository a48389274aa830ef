"""`synapse demo`: what an agent sees of `synapse-mcp`, from an empty folder to a repaired run.

The real server is started over stdio and driven by the official MCP client, in a temporary home.
Nothing is recorded or made up, and a promise that is not kept ends the demo with an error.
"""

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import TextContent

from synapse_core.errors import NotFoundError
from synapse_core.types import JSONObject, JSONValue
from synapse_mcp.cli.demo_screen import Screen

__all__ = ["run_demo"]

_PLUGIN = "image_quality"
_PATIENCE_S = 60
"""A step that has not ended by then never will."""


class _BrokenPromiseError(Exception):
    """A step did not go as the demo says it goes."""


def run_demo(folder: Path | None = None) -> int:
    """Show the whole way of a plugin through the MCP server, and return the exit code.

    Args:
        folder: Where to put the home, the plugins and the report; None for a new temporary folder.
            It is kept.

    Raises:
        NotFoundError: This installation lacks the example plugin.
    """
    place = folder or Path(tempfile.mkdtemp(prefix="synapse-demo-"))
    plugins = place / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    shutil.copytree(_find_example(), plugins / _PLUGIN, dirs_exist_ok=True)
    screen = Screen()
    try:
        report = asyncio.run(_converse(place.resolve(), screen))
    except _BrokenPromiseError as error:
        screen.fail(str(error))
        return 1
    screen.end(report, place)
    return 0


def _find_example() -> Path:
    """Return the example's folder: beside this package in a wheel, else in the checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "example_files" / _PLUGIN, package.parent / "examples" / _PLUGIN):
        if (folder / "config.yaml").is_file():
            return folder
    raise NotFoundError(
        "This installation lacks the example plugin that the demo runs.",
        hint="Install synapse-mcp again, or run the demo from a checkout with `make demo`.",
    )


async def _converse(place: Path, screen: Screen) -> Path:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "synapse_mcp", "--root", str(place / "plugins")],
        env={"SYNAPSE_HOME": str(place / "home")},
        cwd=place,
    )
    broken: _BrokenPromiseError | None = None
    async with Client(server) as client:
        agent = _Agent(client, screen)
        # Past the end of the client it would arrive wrapped in the groups of its tasks.
        try:
            return await _tour(agent, screen, place / "plugins")
        except _BrokenPromiseError as error:
            broken = error
    raise broken


class _Agent:
    """Calls tools, and shows each call with its answer."""

    def __init__(self, client: Client, screen: Screen) -> None:
        self._client = client
        self._screen = screen

    async def tools(self) -> Sequence[str]:
        listed = await self._client.list_tools()
        return [tool.name for tool in listed.tools]

    async def call(self, tool: str, /, *, most: int = 14, **arguments: JSONValue) -> JSONObject:
        """Call a tool, show what comes back, and return its structured content."""
        self._screen.call(tool, arguments)
        content, text = await self._ask(tool, arguments)
        self._screen.answer(text, is_bad=content.get("status") == "failed", most=most)
        return content

    async def follow(self, run_id: str) -> JSONObject:
        """Look at a run again and again, as an agent does, until it has ended."""
        self._screen.call("run_status", {"run_id": run_id, "wait_s": 1, "log_cursor": "…"})
        until = time.monotonic() + _PATIENCE_S
        cursor: JSONValue = None
        while time.monotonic() < until:
            given = {"log_cursor": cursor} if cursor is not None else {}
            run, _ = await self._ask("run_status", {"run_id": run_id, "wait_s": 1, **given})
            cursor = run.get("log_cursor")
            progress = cast("list[JSONObject]", run.get("progress") or [{}])
            lines = cast("list[str]", run.get("lines") or [])
            self._screen.progress(str(run["status"]), progress[-1], lines)
            if run["status"] not in {"pending", "running"}:
                return run
        raise _BrokenPromiseError(f"Run {run_id} has not ended after {_PATIENCE_S} s.")

    async def _ask(self, tool: str, arguments: JSONObject) -> tuple[JSONObject, str]:
        answer = await self._client.call_tool(tool, arguments, read_timeout_seconds=_PATIENCE_S)
        text = "\n".join(part.text for part in answer.content if isinstance(part, TextContent))
        if answer.is_error:
            self._screen.answer(text, is_bad=True)
            raise _BrokenPromiseError(f"{tool} answered with an error.")
        return cast("JSONObject", answer.structured_content or {}), text


async def _tour(agent: _Agent, screen: Screen, plugins: Path) -> Path:
    screen.step("Connect", "The client starts the server over stdio and asks for its tools.")
    tools = await agent.tools()
    screen.note(f"{len(tools)} tools: {', '.join(tools)}")
    await _write_a_plugin(agent, screen, plugins)
    audit = await _run_the_example(agent, screen)
    report = await _read_the_files(agent, screen, str(audit["run_id"]))
    data = report.with_name("report.json")
    await _fail_and_mend(agent, screen, data)
    return report


async def _write_a_plugin(agent: _Agent, screen: Screen, plugins: Path) -> None:
    screen.step("Write a plugin", "The agent starts a new one from a template, and has it checked.")
    await agent.call("plugin_scaffold", name="first_steps", template="custom", dir=str(plugins))
    checked = await agent.call("plugin_check", path=str(plugins / "first_steps"))
    _promise(checked.get("valid"), "The new plugin is not valid.")
    described = await agent.call("plugin_describe", plugin="first_steps", most=8)
    action = cast("list[JSONObject]", described["actions"])[0]
    run = await agent.call(
        "run_start",
        plugin="first_steps",
        action=action["name"],
        params=action["example"],
        wait_s=20,
    )
    _promise(run["status"] == "succeeded", "The new plugin did not run.")
    screen.note("It runs as it was written, with the example params of its own schema.")


async def _run_the_example(agent: _Agent, screen: Screen) -> JSONObject:
    screen.step(
        "Run an example over real pictures",
        "It measures 18 photographs, some of them spoiled, in a process of its own.",
    )
    await agent.call("plugin_describe", plugin=_PLUGIN, action="audit", most=8)
    started = await agent.call("run_start", plugin=_PLUGIN, action="audit", wait_s=0, most=6)
    screen.step("Follow it", "Progress, time left and new log lines, from a cursor.")
    run = await agent.follow(str(started["run_id"]))
    _promise(run["status"] == "succeeded", "The audit did not succeed.")
    return run


async def _read_the_files(agent: _Agent, screen: Screen, run_id: str) -> Path:
    screen.step("Read what it left", "A report for people, its data, and a contact sheet.")
    await agent.call("run_outputs", run_id=run_id)
    await agent.call("run_outputs", run_id=run_id, path="report.json", preview=12)
    shown = await agent.call("run_outputs", run_id=run_id, path="report.html", preview=1, most=4)
    (report,) = cast("list[JSONObject]", shown["artifacts"])
    return Path(str(report["file"]))


async def _fail_and_mend(agent: _Agent, screen: Screen, data: Path) -> None:
    screen.step("See a run fail", "The quality gate is pointed to a report that is not there.")
    params: JSONObject = {"report": "report.json", "max_flawed_percent": 60}
    failed = await agent.call(
        "run_start", plugin=_PLUGIN, action="gate", params=params, wait_s=20, most=20
    )
    _promise(failed["status"] == "failed", "The gate did not fail.")
    error = cast("JSONObject", failed.get("error") or {})
    _promise(str(error.get("where", "")).startswith("image_quality/gate.py"), "No line is named.")
    screen.step("Find out why", "The error names the line; the log has the whole traceback.")
    await agent.call("run_logs", run_id=failed["run_id"], level="error", tail=20)
    screen.step("Mend it", "The same run again, with the path of the report that the audit saved.")
    mended = await agent.call(
        "run_start",
        rerun_of=failed["run_id"],
        params={"report": str(data)},
        wait_s=20,
    )
    _promise(mended["status"] == "succeeded", "The mended run did not succeed.")


def _promise(kept: object, otherwise: str) -> None:
    if not kept:
        raise _BrokenPromiseError(otherwise)

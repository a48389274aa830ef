"""Takes a plugin of each category from creation to a run, through the command line and over MCP.

    PYTHON scripts/try_every_category.py FOLDER

PYTHON is the one of an environment in which synapse-mcp is installed. Nobody is asked anything and
nothing is a terminal. Ends with an error at the first step that does not go as promised.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import CallToolResult

CATEGORIES = (
    "neural_net",
    "export",
    "upload",
    "smart_tool",
    "pre_annotation",
    "post_annotation",
    "data_validation",
    "custom",
)
PATIENCE_S = 120


def synapse(folder: Path, *words: str) -> Any:  # noqa: ANN401 - free JSON
    """Return what a command answers as JSON."""
    program = Path(sys.executable).with_name("synapse")
    done = subprocess.run(  # noqa: S603 - our own program
        [program, *words, "--json"],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        timeout=PATIENCE_S,
    )
    if done.returncode != 0:
        raise SystemExit(f"synapse {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def try_command_line(folder: Path, category: str) -> None:
    """Create, check, test and run through `synapse`."""
    code = f"shell_{category}"
    created = synapse(folder, "plugin", "create", code, "--category", category)
    place = created["path"]
    synapse(folder, "plugin", "check", place)
    synapse(folder, "plugin", "test", place)
    run = synapse(folder, "plugin", "run", created["action"], "--plugin", place)
    expect(run["status"] == "succeeded", f"the run of {code}", run)


async def try_server(folder: Path) -> None:
    """Create, check and run each category through `synapse-mcp` over stdio."""
    server = StdioServerParameters(
        command=str(Path(sys.executable).with_name("synapse-mcp")),
        args=["--root", str(folder)],
        env={"SYNAPSE_HOME": os.environ["SYNAPSE_HOME"]},
        cwd=folder,
    )
    async with Client(server, read_timeout_seconds=PATIENCE_S) as client:

        async def call(tool: str, **arguments: object) -> dict[str, Any]:
            answer = await client.call_tool(tool, dict[str, Any](arguments))
            return opened(tool, answer)

        for category in CATEGORIES:
            code = f"agent_{category}"
            await call("plugin_scaffold", name=code, template=category, dir=str(folder))
            checked = await call("plugin_check", path=str(folder / code))
            expect(checked["valid"], f"the check of {code}", checked)
            described = await call("plugin_describe", plugin=code)
            action = described["actions"][0]
            run = await call(
                "run_start",
                plugin=code,
                action=action["name"],
                params=action["example"],
                wait_s=50,
            )
            expect(run["status"] == "succeeded", f"the run of {code}", run)


def opened(tool: str, answer: CallToolResult) -> dict[str, Any]:
    """Return the structured content of an answer that is no error."""
    expect(not answer.is_error, tool, answer.content)
    return cast("dict[str, Any]", answer.structured_content)


def expect(kept: object, what: str, answer: object) -> None:
    """End with an error if a promise was not kept."""
    if not kept:
        raise SystemExit(f"{what} did not go as promised: {answer}")


def main() -> None:
    """Try all."""
    folder = Path(sys.argv[1])
    for category in CATEGORIES:
        try_command_line(folder, category)
    asyncio.run(try_server(folder))


if __name__ == "__main__":
    main()

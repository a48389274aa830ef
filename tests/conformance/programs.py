"""Programs of others, as `scripts/install-node-tools` installs them."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

__all__ = ["FOLDER", "SERVER", "failing_checks", "inspect", "run_node"]

FOLDER = Path(__file__).parent
SERVER = Path(sys.executable).with_name("synapse-mcp")
_PACKAGES = FOLDER / "node_modules"
_PROGRAMS = {
    "conformance": _PACKAGES / "@modelcontextprotocol/conformance/dist/index.js",
    "inspector": _PACKAGES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js",
    "client": FOLDER / "typescript_client.mjs",
}
_TIMEOUT_S = 55


def run_node(
    program: str, *words: str | Path, env: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run one of the programs to its end."""
    found = sorted(_PACKAGES.glob("node-*/bin/node"))
    assert found, "run scripts/install-node-tools first"
    return subprocess.run(
        [found[0], _PROGRAMS[program], *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        env={**os.environ, "NO_COLOR": "1", "npm_config_offline": "true", **env},
    )


def failing_checks(folder: Path) -> list[str]:
    """Return which checks of the suite failed, by scenario, from the results it left."""
    return [
        f"{file.parent.name}: {check['id']}: {check.get('errorMessage')}"
        for file in sorted(folder.glob("*/checks.json"))
        for check in cast("list[dict[str, Any]]", json.loads(file.read_text(encoding="utf-8")))
        if check["status"] == "FAILURE"
    ]


def inspect(home: Path, target: list[str], *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the Inspector's command line against a server."""
    return run_node(
        "inspector",
        "--cli",
        *target,
        *words,
        "-e",
        f"SYNAPSE_HOME={home}",
        "--format",
        "json",
        env={"HOME": str(home.parent), "SYNAPSE_HOME": str(home)},
    )

"""`synapse mcp serve`."""

import os
import subprocess
import sys
from typing import Annotated

import typer

__all__ = ["serve"]


def serve(
    options: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- SERVER_OPTIONS]...",
            help="Options of synapse-mcp, such as -- --read-only --root DIR; -- --help lists them.",
        ),
    ] = None,
) -> int:
    """Serve MCP over stdin and stdout.

    The same as `synapse-mcp`, which clients start.
    """
    # A program of its own: nothing that this one has imported or opened may touch the wire.
    command = [sys.executable, "-m", "synapse_mcp", *(options or [])]
    if os.name == "posix":
        os.execv(command[0], command)  # noqa: S606 our own server
    return subprocess.call(command)  # noqa: S603 our own server

"""`synapse demo`."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["demo"]


def demo(
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", metavar="DIR", help="Where to put its files; else a temporary folder."
        ),
    ] = None,
) -> int:
    """See what an agent sees, in a minute.

    Starts the real MCP server with a real client: scaffolds a plugin, checks it, runs an example,
    reads its files, then meets a failing run and mends it. Your own home is not touched.
    """
    # It brings the MCP library along, which takes a second to import.
    from synapse_mcp.cli.demo import run_demo  # noqa: PLC0415 (see above)

    return run_demo(folder)

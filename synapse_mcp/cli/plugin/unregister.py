"""`synapse plugin unregister`."""

from pathlib import Path
from typing import Annotated

import typer

from synapse_core.operations.environments import unregister_plugin_folder
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home

__all__ = ["unregister"]


def unregister(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A registered folder.")],
    *,
    as_json: JsonOption = False,
) -> int:
    """Look for plugins in a folder no longer. The folder itself stays."""
    folders = unregister_plugin_folder(this_home(), folder)
    output = Output(as_json=as_json)
    if as_json:
        output.json({"folders": folders})
    else:
        output.line(f"Unregistered {folder}.")
    return ExitCode.DONE

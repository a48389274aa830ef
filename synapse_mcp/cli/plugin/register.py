"""`synapse plugin register`."""

from pathlib import Path
from typing import Annotated

import typer

from synapse_core.operations.environments import register_plugin_folder
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home

__all__ = ["register"]


def register(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="A folder.")] = Path(),
    *,
    as_json: JsonOption = False,
) -> int:
    """Look for plugins in a folder from now on, from wherever `synapse` is called."""
    folders = register_plugin_folder(this_home(), folder)
    output = Output(as_json=as_json)
    if as_json:
        output.json({"folders": folders})
    else:
        for each in folders:
            output.line(str(each))
    return ExitCode.DONE

"""`synapse env show`."""

from typing import Annotated

import typer

from synapse_core.operations.environments import show_environment
from synapse_mcp.cli.completion import complete_environments
from synapse_mcp.cli.env.viewing import write_environment
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home

__all__ = ["show"]


def show(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Name of an environment; else the active one.",
            autocompletion=complete_environments,
        ),
    ] = None,
    *,
    as_json: JsonOption = False,
) -> int:
    """Show an environment without its secrets."""
    view = show_environment(this_home(), name)
    output = Output(as_json=as_json)
    if as_json:
        output.json(view)
    else:
        write_environment(output, view)
    return ExitCode.DONE

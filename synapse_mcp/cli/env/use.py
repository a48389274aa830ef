"""`synapse env use`."""

from typing import Annotated

import typer

from synapse_core.operations.environments import use_environment
from synapse_mcp.cli.completion import complete_environments
from synapse_mcp.cli.failures import ExitCode, UsageFault
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home

__all__ = ["use"]


def use(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Name of an environment.", autocompletion=complete_environments
        ),
    ] = None,
    *,
    none: Annotated[bool, typer.Option("--none", help="Use no environment any more.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Choose the environment that runs use."""
    if (name is None) != none:
        raise UsageFault("Name an environment, or give --none.", hint="synapse env list")
    view = use_environment(this_home(), name)
    output = Output(as_json=as_json)
    if as_json:
        output.json({"active": name})
    else:
        output.line(f"Using {view.name}." if view is not None else "Using no environment.")
    return ExitCode.DONE

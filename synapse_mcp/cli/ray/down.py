"""`synapse ray down`."""

import os
from typing import Annotated

import typer

from synapse_core.operations.clusters.verbs import stop_cluster
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home
from synapse_mcp.cli.ray.options import ClusterArgument

__all__ = ["down"]


def down(
    name: ClusterArgument = "",
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Also when runs are active; they are lost then.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Stop the Ray cluster of this machine, or disconnect from another one."""
    stopped = stop_cluster(this_home(), os.environ, name, force=force)
    output = Output(as_json=as_json)
    if as_json:
        output.json({"stopped": stopped})
    else:
        output.line("It is down." if stopped else "It was not running.")
    return ExitCode.DONE

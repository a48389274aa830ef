"""`synapse deployment scale`."""

import os
from typing import Annotated

import typer

from synapse_core.operations.deployments.verbs import scale_deployment
from synapse_mcp.cli.deployment.options import DeploymentArgument, TimeoutOption, WaitOption
from synapse_mcp.cli.deployment.showing import go_on
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home

__all__ = ["scale"]


def scale(
    name: DeploymentArgument,
    replicas: Annotated[int, typer.Argument(metavar="REPLICAS", min=1, help="How many.")],
    *,
    wait: WaitOption = True,
    timeout_s: TimeoutOption = 600.0,
    as_json: JsonOption = False,
) -> int:
    """Have more or fewer processes answer; those there are go on meanwhile."""
    home = this_home()
    view = scale_deployment(home, os.environ, name, replicas)
    return go_on(home, view, Output(as_json=as_json), wait=wait, timeout_s=timeout_s)

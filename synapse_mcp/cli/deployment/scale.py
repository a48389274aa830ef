"""`synapse deployment scale`."""

import os
from typing import Annotated

import typer

from synapse_core.errors import InvalidInputError
from synapse_core.operations.deployments.verbs import Scale, scale_deployment
from synapse_mcp.cli.deployment.options import (
    DeploymentArgument,
    MostOption,
    TargetOption,
    TimeoutOption,
    WaitOption,
)
from synapse_mcp.cli.deployment.showing import go_on
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home

__all__ = ["scale"]


def scale(
    name: DeploymentArgument,
    replicas: Annotated[
        int | None, typer.Argument(metavar="[REPLICAS]", min=1, help="How many, or the fewest.")
    ] = None,
    *,
    most: MostOption = None,
    target: TargetOption = None,
    wait: WaitOption = True,
    timeout_s: TimeoutOption = 600.0,
    as_json: JsonOption = False,
) -> int:
    """Have more or fewer processes answer; those there are go on meanwhile.

    With --max-replicas, there are as many as the requests of the moment need. REPLICAS alone fixes
    their number.

    Example: synapse deployment scale my_plugin-classify 1 --max-replicas 4
    """
    scale = Scale(replicas=replicas, max_replicas=most, target_requests=target)
    if scale.is_open:
        raise InvalidInputError(
            "How many processes shall answer is open.",
            hint=f"Say it: synapse deployment scale {name} 2",
        )
    home = this_home()
    view = scale_deployment(home, os.environ, name, scale)
    return go_on(home, view, Output(as_json=as_json), wait=wait, timeout_s=timeout_s)

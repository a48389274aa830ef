"""Arguments that the commands about deployments share."""

from typing import Annotated

import typer

from synapse_mcp.cli.completion import complete_deployments

__all__ = [
    "DeploymentArgument",
    "MostOption",
    "TargetOption",
    "TimeoutOption",
    "WaitOption",
]

DeploymentArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Name of a deployment.", autocompletion=complete_deployments
    ),
]

WaitOption = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Return when it answers, or at once.")
]

TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=0, metavar="SECONDS", help="Wait no longer.")
]

MostOption = Annotated[
    int | None,
    typer.Option(
        "--max-replicas", min=1, help="The most of them: their number follows the requests."
    ),
]

TargetOption = Annotated[
    float | None,
    typer.Option(
        "--target-requests", help="Requests at a time for each, where their number follows."
    ),
]

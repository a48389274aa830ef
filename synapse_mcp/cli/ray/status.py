"""`synapse ray status`."""

import os
from typing import Annotated

import typer

from synapse_core.operations.clusters.text import describe_amounts, describe_cluster
from synapse_core.operations.clusters.verbs import cluster_status
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home
from synapse_mcp.cli.ray.options import ClusterArgument

__all__ = ["status"]


def status(
    name: ClusterArgument = "",
    *,
    connect: Annotated[
        bool,
        typer.Option("--connect", help="Connect to it, or start that of this machine, if need be."),
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Show how a Ray cluster stands: nodes, resources, runs."""
    view = cluster_status(this_home(), os.environ, name, connect=connect)
    output = Output(as_json=as_json)
    if as_json:
        output.json(view)
        return ExitCode.DONE
    output.line(describe_cluster(view))
    output.fields({"Dashboard": view.dashboard_url, "Log": view.log})
    if view.nodes:
        rows = [
            [
                node.host,
                node.address,
                "alive" if node.is_alive else "dead",
                describe_amounts(node.resources, of=node.resources),
            ]
            for node in view.nodes
        ]
        output.table(["HOST", "ADDRESS", "STATE", "RESOURCES"], rows, styles={"dead": "red"})
    return ExitCode.DONE

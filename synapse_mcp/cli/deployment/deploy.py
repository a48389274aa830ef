"""`synapse deploy`."""

import os
from typing import Annotated

import typer

from synapse_core.operations.deployments.verbs import Deploy, Scale
from synapse_core.operations.deployments.verbs import deploy as deploy_action
from synapse_core.operations.environments import service_environment
from synapse_mcp.cli.completion import complete_actions
from synapse_mcp.cli.deployment.options import (
    MostOption,
    TargetOption,
    TimeoutOption,
    WaitOption,
)
from synapse_mcp.cli.deployment.showing import go_on
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import (
    EnvironmentOption,
    JsonOption,
    OptionalPluginArgument,
    VariablesOption,
)
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import plugin_here, this_home
from synapse_mcp.cli.run.starting import variables_for

__all__ = ["deploy"]


def deploy(
    plugin: OptionalPluginArgument = None,
    action: Annotated[
        str | None,
        typer.Argument(
            metavar="[ACTION]",
            help="Name of an action; else the only one with `method: serve`.",
            autocompletion=complete_actions,
        ),
    ] = None,
    *,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name, and path of its address; else plugin and action."),
    ] = None,
    replicas: Annotated[
        int | None,
        typer.Option("--replicas", "-n", min=1, help="Processes that answer; else as declared."),
    ] = None,
    most: MostOption = None,
    target: TargetOption = None,
    cluster: Annotated[
        str,
        typer.Option("--on", metavar="CLUSTER", help="A Ray cluster; else that of this machine."),
    ] = "",
    env: VariablesOption = None,
    environment: EnvironmentOption = None,
    wait: WaitOption = True,
    timeout_s: TimeoutOption = 600.0,
    as_json: JsonOption = False,
) -> int:
    """Serve an action over HTTP, on Ray Serve.

    The name goes on answering while it changes to what was deployed now; a release that does not
    start changes nothing. Exit code 1 tells that it does not answer as wanted.

    Example: synapse deploy my_plugin classify --replicas 2
    """
    where = plugin_here(plugin)
    service = service_environment(this_home(), environment)
    with open_plugins([where], service=service) as workspace:
        request = Deploy(
            plugin=where,
            action=action,
            name=name,
            scale=Scale(replicas=replicas, max_replicas=most, target_requests=target),
            cluster=cluster,
            env=variables_for(workspace.home, environment, env or []),
        )
        view = deploy_action(workspace, os.environ, request)
        output = Output(as_json=as_json)
        return go_on(workspace.home, view, output, wait=wait, timeout_s=timeout_s)

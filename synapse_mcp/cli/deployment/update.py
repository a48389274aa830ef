"""`synapse deployment update`."""

import os

from synapse_core.operations.deployments.verbs import update_deployment
from synapse_core.operations.deployments.views import show_deployment
from synapse_core.operations.environments import service_environment
from synapse_mcp.cli.deployment.options import DeploymentArgument, TimeoutOption, WaitOption
from synapse_mcp.cli.deployment.showing import go_on
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import EnvironmentOption, JsonOption, VariablesOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home
from synapse_mcp.cli.run.starting import variables_for

__all__ = ["update"]


def update(
    name: DeploymentArgument,
    *,
    env: VariablesOption = None,
    environment: EnvironmentOption = None,
    wait: WaitOption = True,
    timeout_s: TimeoutOption = 600.0,
    as_json: JsonOption = False,
) -> int:
    """Serve the plugin as its folder is now, without dropping a request.

    A release that does not start changes nothing: the one before goes on. One that was stopped with
    its cluster is served again. Variables stay as they are, unless --env or --environment is given.
    """
    home = this_home()
    service = service_environment(home, environment)
    variables = variables_for(home, environment, env or []) if env or environment else None
    folder = show_deployment(home, os.environ, name, connect=False).plugin_path
    with open_plugins([folder], service=service) as workspace:
        view = update_deployment(workspace, os.environ, name, env=variables)
    return go_on(home, view, Output(as_json=as_json), wait=wait, timeout_s=timeout_s)

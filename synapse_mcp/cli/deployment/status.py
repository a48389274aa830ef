"""`synapse deployment status`."""

import os

from synapse_core.operations.deployments.views import show_deployment
from synapse_mcp.cli.deployment.options import DeploymentArgument
from synapse_mcp.cli.deployment.showing import show_deployment_view
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home

__all__ = ["status"]


def status(name: DeploymentArgument, *, as_json: JsonOption = False) -> int:
    """Show how a deployment stands, with its replicas."""
    view = show_deployment(this_home(), os.environ, name)
    show_deployment_view(view, Output(as_json=as_json))
    return ExitCode.DONE

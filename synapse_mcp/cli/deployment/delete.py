"""`synapse deployment delete`."""

import os

from synapse_core.operations.deployments.verbs import delete_deployment
from synapse_core.operations.deployments.views import show_deployment
from synapse_mcp.cli.asking import require_yes
from synapse_mcp.cli.deployment.options import DeploymentArgument
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.options import JsonOption, YesOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home

__all__ = ["delete"]


def delete(name: DeploymentArgument, *, yes: YesOption = False, as_json: JsonOption = False) -> int:
    """Stop serving, once requests under way are answered, and remove releases and log."""
    home = this_home()
    view = show_deployment(home, os.environ, name, connect=False)
    require_yes(f"Stop serving {view.name!r} and remove its releases and log?", yes=yes)
    delete_deployment(home, os.environ, name)
    output = Output(as_json=as_json)
    if as_json:
        output.json({"deleted": name})
    else:
        output.line(f"Deleted {name}.")
    return ExitCode.DONE

"""`synapse deployment list`."""

import os

from synapse_core.operations.deployments.views import list_deployments
from synapse_mcp.cli.deployment.showing import STATE_STYLES
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home

__all__ = ["list_all"]


def list_all(*, as_json: JsonOption = False) -> int:
    """List deployments with their addresses; no cluster is started for that."""
    views = list_deployments(this_home(), os.environ)
    output = Output(as_json=as_json)
    if as_json:
        output.json(views)
        return ExitCode.DONE
    if not views:
        output.line("Nothing is deployed. Deploy an action: synapse deploy PLUGIN ACTION")
        return ExitCode.DONE
    rows = [
        [
            view.name,
            view.state.value,
            f"{view.ready}/{view.wanted}",
            f"{view.plugin}/{view.action} {view.version}",
            view.url or "-",
        ]
        for view in views
    ]
    output.table(["NAME", "STATE", "READY", "ACTION", "ADDRESS"], rows, styles=STATE_STYLES)
    return ExitCode.DONE

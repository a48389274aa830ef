"""`synapse plugin schema`."""

from typing import Annotated

import typer

from synapse_core.operations.plugins import describe_action, find_plugin
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import ActionArgument, JsonOption, PluginOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import plugin_here

__all__ = ["schema"]


def schema(
    action: ActionArgument,
    *,
    plugin: PluginOption = None,
    result: Annotated[
        bool, typer.Option("--result", help="The schema of the result instead of the params.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Print the JSON schema of an action's params, or of its result; of draft 2020-12."""
    reference = plugin_here(plugin)
    with open_plugins([reference]) as workspace:
        described = describe_action(workspace, find_plugin(workspace, reference), action)
    found = described.schema.result if result else described.schema.params
    Output(as_json=as_json).json(found)
    return ExitCode.DONE

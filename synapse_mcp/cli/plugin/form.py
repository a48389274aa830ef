"""`synapse plugin form`."""

from synapse_core.operations.plugins import describe_action, find_plugin
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import ActionArgument, JsonOption, PluginOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import plugin_here

__all__ = ["form"]


def form(
    action: ActionArgument, *, plugin: PluginOption = None, as_json: JsonOption = False
) -> int:
    """Print the form that asks for an action's params, as a list of FormKit nodes."""
    reference = plugin_here(plugin)
    with open_plugins([reference]) as workspace:
        described = describe_action(workspace, find_plugin(workspace, reference), action)
    Output(as_json=as_json).json(described.schema.form)
    return ExitCode.DONE

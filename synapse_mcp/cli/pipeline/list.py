"""`synapse pipeline list`."""

from synapse_core.operations.environments import service_environment
from synapse_core.operations.pipelines.verbs import list_pipelines
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.left_out import note_left_out
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import JsonOption, OptionalPluginArgument
from synapse_mcp.cli.output import Output, note, to_json
from synapse_mcp.cli.places import this_home

__all__ = ["list_all"]


def list_all(plugin: OptionalPluginArgument = None, *, as_json: JsonOption = False) -> int:
    """List the pipelines there are, of one plugin or of all.

    Where the active environment names a service, they are the service's.
    """
    service = service_environment(this_home())
    with open_plugins([plugin] if plugin else [], service=service) as workspace:
        found = list_pipelines(workspace, plugin)
        if service is None and plugin is None:
            note_left_out(workspace)
    output = Output(as_json=as_json)
    if as_json:
        output.json({"pipelines": [to_json(one) for one in found]})
    elif not found:
        note("No pipelines here. Add `pipelines:` to a plugin's config.yaml.")
    else:
        rows = [
            (one.plugin, one.name, str(len(one.nodes)), one.description or ", ".join(one.nodes))
            for one in found
        ]
        output.table(("plugin", "pipeline", "nodes", "description"), rows)
    return ExitCode.DONE

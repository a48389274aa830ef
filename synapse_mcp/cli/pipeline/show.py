"""`synapse pipeline show`."""

from synapse_core.operations.runs import find_run
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.opening import open_runs
from synapse_mcp.cli.options import JsonOption, RunArgument
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.pipeline.showing import write_progress

__all__ = ["show"]


def show(run: RunArgument, *, as_json: JsonOption = False) -> int:
    """Show how a pipeline run stands, node by node."""
    with open_runs() as workspace:
        write_progress(workspace, find_run(workspace, run), Output(as_json=as_json))
    return ExitCode.DONE

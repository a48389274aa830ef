"""`synapse pipeline follow`."""

from synapse_core.operations.runs import find_run
from synapse_mcp.cli.opening import open_runs
from synapse_mcp.cli.options import JsonOption, RunArgument
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.pipeline.showing import follow_pipeline

__all__ = ["follow"]


def follow(run: RunArgument, *, as_json: JsonOption = False) -> int:
    """Watch a pipeline run until it ends.

    The exit code tells how it ended: 0 for success, 1 otherwise. Ctrl-C stops watching, not the
    run.
    """
    with open_runs() as workspace:
        return follow_pipeline(workspace, find_run(workspace, run), Output(as_json=as_json))

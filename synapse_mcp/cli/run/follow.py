"""`synapse run follow`."""

from typing import Annotated

import typer

from synapse_core.operations.runs import find_run
from synapse_mcp.cli.opening import open_runs
from synapse_mcp.cli.options import JsonOption, RunArgument
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.watching import follow_to_end

__all__ = ["follow"]


def follow(
    run: RunArgument,
    *,
    tail: Annotated[
        int, typer.Option("--tail", "-n", min=0, help="Lines to show from before.")
    ] = 20,
    whole: Annotated[bool, typer.Option("--all", help="Show the log from its beginning.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Watch a run until it ends.

    The exit code tells how it ended: 0 for success, 1 otherwise. Ctrl-C stops watching, not the
    run. With --json each event is a line as in the journal, and the last line is the run.
    """
    with open_runs() as workspace:
        run_id = find_run(workspace, run)
        return follow_to_end(
            workspace, run_id, Output(as_json=as_json), tail=None if whole else tail
        )

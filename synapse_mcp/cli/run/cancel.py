"""`synapse run cancel`."""

from typing import Annotated

import typer

from synapse_core.operations.runs import cancel_run, find_run
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.opening import open_runs
from synapse_mcp.cli.options import JsonOption, RunArgument
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.run_view import STATUS_STYLES, run_json, status_text

__all__ = ["cancel"]


def cancel(
    run: RunArgument,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Kill it with all its processes, without asking it.")
    ] = False,
    wait_s: Annotated[
        float,
        typer.Option("--wait", min=0, metavar="SECONDS", help="How long to wait for its end."),
    ] = 15.0,
    as_json: JsonOption = False,
) -> int:
    """Stop a run.

    It is asked to stop, then terminated, then killed with all its processes. A run that has ended
    stays as it is.
    """
    with open_runs() as workspace:
        stopped = cancel_run(workspace, find_run(workspace, run), force=force, wait_s=wait_s)
    output = Output(as_json=as_json)
    if as_json:
        output.json(run_json(stopped))
    else:
        style = STATUS_STYLES.get(stopped.status.value, "")
        output.line(f"Run {stopped.id} {status_text(stopped)}", style)
        if not stopped.status.is_terminal:
            output.line("It was asked to stop and has not ended yet.")
    return ExitCode.DONE

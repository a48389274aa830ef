"""`synapse run show`."""

from typing import Annotated

import typer

from synapse_core.operations.runs import find_run, get_run
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.opening import open_runs
from synapse_mcp.cli.options import JsonOption, RunArgument
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.run_view import run_json, write_run

__all__ = ["show"]


def show(
    run: RunArgument,
    *,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Also show the whole traceback of a failure.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Show how a run stands, or how it ended.

    Example: synapse run show last
    """
    with open_runs() as workspace:
        found = get_run(workspace, find_run(workspace, run))
    output = Output(as_json=as_json)
    if as_json:
        output.json(run_json(found))
        return ExitCode.DONE
    write_run(output, found)
    if traceback and found.failure is not None and found.failure.traceback:
        output.line()
        output.line(found.failure.traceback.rstrip("\n"))
    return ExitCode.DONE

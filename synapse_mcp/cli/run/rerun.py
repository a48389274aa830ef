"""`synapse run rerun`."""

import sys
from typing import Annotated

import typer

from synapse_core.operations.environments import service_environment
from synapse_core.operations.runs import find_run, get_run
from synapse_core.operations.runs import rerun as rerun_again
from synapse_mcp.cli.opening import open_plugins, open_runs
from synapse_mcp.cli.options import JsonOption, ParamsOption, RunArgument
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.params import parse_params
from synapse_mcp.cli.places import this_home
from synapse_mcp.cli.run.options import PlanOnlyOption
from synapse_mcp.cli.run.starting import go_on, show_plan

__all__ = ["rerun"]


def rerun(
    run: RunArgument,
    *,
    params: ParamsOption = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on behind the last step it finished."),
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Watch it until it ends.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Wait for its end without showing its log.")
    ] = False,
    dry_run: PlanOnlyOption = False,
    as_json: JsonOption = False,
) -> int:
    """Start the action of an earlier run again.

    It gets the same params, those given here replacing the old ones, and the plugin as it is now.
    With --resume it gets the checkpoints too: steps that finished and were not undone do not run
    again.

    Example: synapse run rerun last -p epochs=20 --follow
    """
    given = parse_params(params or [], stdin=sys.stdin.buffer)
    with open_runs() as workspace:
        earlier = get_run(workspace, find_run(workspace, run))
    service = service_environment(this_home())
    with open_plugins([earlier.plugin_path], service=service) as workspace:
        again = rerun_again(workspace, earlier.id, params=given, resume=resume, dry_run=dry_run)
        output = Output(as_json=as_json)
        if dry_run:
            return show_plan(again, output)
        return go_on(workspace, again, output, follow=follow, wait=wait)

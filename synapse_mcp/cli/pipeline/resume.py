"""`synapse pipeline resume`."""

import sys
from typing import Annotated

import typer

from synapse_core.operations.environments import service_environment
from synapse_core.operations.pipelines.verbs import get_pipeline_run, resume_pipeline
from synapse_core.operations.runs import find_run
from synapse_mcp.cli.opening import open_plugins, open_runs
from synapse_mcp.cli.options import JsonOption, ParamsOption, RunArgument
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.params import parse_params
from synapse_mcp.cli.pipeline.showing import follow_pipeline
from synapse_mcp.cli.places import this_home
from synapse_mcp.cli.run.options import PlanOnlyOption
from synapse_mcp.cli.run.starting import go_on, show_plan

__all__ = ["resume"]


def resume(
    run: RunArgument,
    *,
    params: ParamsOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Watch it until it ends.")] = False,
    dry_run: PlanOnlyOption = False,
    as_json: JsonOption = False,
) -> int:
    """Start a pipeline again where an earlier run of it ended.

    Nodes that finished there with the same code and params are skipped, and their results taken.
    The log says which nodes run again because their code or params have changed.

    Example: synapse pipeline resume last --follow
    """
    given = parse_params(params or [], stdin=sys.stdin.buffer)
    with open_runs() as workspace:
        earlier = get_pipeline_run(workspace, find_run(workspace, run))
    service = service_environment(this_home())
    with open_plugins([earlier.plugin_path], service=service) as workspace:
        started = resume_pipeline(workspace, earlier.id, params=given, dry_run=dry_run)
        output = Output(as_json=as_json)
        if dry_run:
            return show_plan(started, output)
        if follow:
            return follow_pipeline(workspace, started.id, output)
        return go_on(workspace, started, output, follow=False, wait=False)

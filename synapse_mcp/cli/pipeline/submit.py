"""`synapse pipeline submit` and `synapse pipeline run`."""

import sys
from typing import Annotated

import typer

from synapse_core.operations.environments import service_environment
from synapse_core.operations.pipelines.verbs import StartPipeline, start_pipeline
from synapse_core.operations.runs import find_run
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import (
    EnvironmentOption,
    JsonOption,
    ParamsOption,
    PluginArgument,
    VariablesOption,
)
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.params import parse_params
from synapse_mcp.cli.pipeline.showing import PipelineArgument, follow_pipeline
from synapse_mcp.cli.places import this_home
from synapse_mcp.cli.run.options import PlanOnlyOption
from synapse_mcp.cli.run.starting import go_on, show_plan, variables_for

__all__ = ["run", "submit"]

_ResumeOption = Annotated[
    str | None,
    typer.Option(
        "--resume-from", metavar="RUN", help="Take what an earlier run of it has finished."
    ),
]

_ExecutorOption = Annotated[
    str,
    typer.Option("--on", metavar="NAME", help="Where the nodes run: local, or a Ray cluster."),
]

_TimeoutOption = Annotated[
    float | None,
    typer.Option("--timeout", min=0, metavar="SECONDS", help="Limit on the whole."),
]


def submit(
    plugin: PluginArgument,
    pipeline: PipelineArgument,
    *,
    params: ParamsOption = None,
    resume_from: _ResumeOption = None,
    executor: _ExecutorOption = "local",
    timeout_s: _TimeoutOption = None,
    env: VariablesOption = None,
    environment: EnvironmentOption = None,
    dry_run: PlanOnlyOption = False,
    as_json: JsonOption = False,
) -> int:
    """Start a pipeline and return at once.

    Prints the id of the run, which goes on when this shell is closed.

    Example: synapse pipeline submit works nightly -p dataset=7
    """
    return _start(
        plugin,
        pipeline,
        params,
        resume_from,
        (executor, timeout_s, env, environment),
        Output(as_json=as_json),
        dry_run=dry_run,
        follow=False,
    )


def run(
    plugin: PluginArgument,
    pipeline: PipelineArgument,
    *,
    params: ParamsOption = None,
    resume_from: _ResumeOption = None,
    executor: _ExecutorOption = "local",
    timeout_s: _TimeoutOption = None,
    env: VariablesOption = None,
    environment: EnvironmentOption = None,
    dry_run: PlanOnlyOption = False,
    as_json: JsonOption = False,
) -> int:
    """Run a pipeline and follow it to its end.

    The exit code tells how it ended: 0 for success, 1 otherwise. Ctrl-C stops watching, not the
    run. With --json each line is the progress of all nodes, and the last line is the run.

    Example: synapse pipeline run works nightly -p dataset=7
    """
    return _start(
        plugin,
        pipeline,
        params,
        resume_from,
        (executor, timeout_s, env, environment),
        Output(as_json=as_json),
        dry_run=dry_run,
        follow=True,
    )


def _start(
    plugin: str,
    pipeline: str,
    params: list[str] | None,
    resume_from: str | None,
    place: tuple[str, float | None, list[str] | None, str | None],
    output: Output,
    *,
    dry_run: bool,
    follow: bool,
) -> int:
    executor, timeout_s, env, environment = place
    given = parse_params(params or [], stdin=sys.stdin.buffer)
    service = service_environment(this_home(), environment)
    with open_plugins([plugin], service=service) as workspace:
        request = StartPipeline(
            plugin=plugin,
            pipeline=pipeline,
            params=given,
            resume_from=find_run(workspace, resume_from) if resume_from is not None else None,
            executor=executor,
            timeout_s=timeout_s,
            env=variables_for(workspace.home, environment, env or []),
            dry_run=dry_run,
        )
        started = start_pipeline(workspace, request)
        if dry_run:
            return show_plan(started, output)
        if follow:
            return follow_pipeline(workspace, started.id, output)
        return go_on(workspace, started, output, follow=False, wait=False)

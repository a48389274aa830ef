"""`synapse run start`."""

import sys
from typing import Annotated

import typer

from synapse_core.operations.environments import service_environment
from synapse_core.operations.runs import StartRun, start_run
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import (
    ActionArgument,
    EnvironmentOption,
    JsonOption,
    ParamsOption,
    PluginArgument,
    VariablesOption,
)
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.params import parse_params
from synapse_mcp.cli.places import this_home
from synapse_mcp.cli.run.options import (
    ExecutorOption,
    PlanOnlyOption,
    RetriesOption,
    TimeoutOption,
)
from synapse_mcp.cli.run.starting import go_on, show_plan, variables_for

__all__ = ["start"]


_KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key", metavar="TEXT", help="Starting again with the same key gives the same run."
    ),
]

_FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Watch it until it ends.")]

_WaitOption = Annotated[
    bool, typer.Option("--wait", "-w", help="Wait for its end without showing its log.")
]


def start(
    plugin: PluginArgument,
    action: ActionArgument,
    *,
    params: ParamsOption = None,
    executor: ExecutorOption = "local",
    timeout_s: TimeoutOption = None,
    retries: RetriesOption = None,
    env: VariablesOption = None,
    environment: EnvironmentOption = None,
    key: _KeyOption = None,
    follow: _FollowOption = False,
    wait: _WaitOption = False,
    dry_run: PlanOnlyOption = False,
    as_json: JsonOption = False,
) -> int:
    """Start a run and return at once.

    Prints the id of the run, which goes on when this shell is closed. With --follow or --wait the
    exit code tells how it ended: 0 for success, 1 otherwise.

    Example: synapse run start image_quality audit -p limit=10 --follow
    """
    given = parse_params(params or [], stdin=sys.stdin.buffer)
    service = service_environment(this_home(), environment)
    with open_plugins([plugin], service=service) as workspace:
        request = StartRun(
            plugin=plugin,
            action=action,
            params=given,
            executor=executor,
            timeout_s=timeout_s,
            retries=retries,
            env=variables_for(workspace.home, environment, env or []),
            idempotency_key=key,
            dry_run=dry_run,
        )
        output = Output(as_json=as_json)
        run = start_run(workspace, request)
        if dry_run:
            return show_plan(run, output)
        return go_on(workspace, run, output, follow=follow, wait=wait)

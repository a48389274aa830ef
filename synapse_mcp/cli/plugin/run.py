"""`synapse plugin run`."""

import sys

from synapse_core.operations.runs import StartRun, start_run
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import (
    ActionArgument,
    EnvironmentOption,
    JsonOption,
    ParamsOption,
    PluginOption,
    VariablesOption,
)
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.params import parse_params
from synapse_mcp.cli.places import plugin_here
from synapse_mcp.cli.run.options import (
    ExecutorOption,
    PlanOnlyOption,
    RetriesOption,
    TimeoutOption,
)
from synapse_mcp.cli.run.starting import go_on, show_plan, variables_for

__all__ = ["run"]


def run(
    action: ActionArgument,
    *,
    plugin: PluginOption = None,
    params: ParamsOption = None,
    executor: ExecutorOption = "local",
    timeout_s: TimeoutOption = None,
    retries: RetriesOption = None,
    env: VariablesOption = None,
    environment: EnvironmentOption = None,
    dry_run: PlanOnlyOption = False,
    as_json: JsonOption = False,
) -> int:
    """Run an action and follow it to its end.

    The exit code tells how it ended: 0 for success, 1 otherwise. Ctrl-C stops watching, not the
    run. With --json the run with its result is written when it has ended.

    Example: synapse plugin run train --params epochs=10 -p model.lr=0.01
    """
    reference = plugin_here(plugin)
    given = parse_params(params or [], stdin=sys.stdin.buffer)
    output = Output(as_json=as_json)
    with open_plugins([reference]) as workspace:
        request = StartRun(
            plugin=reference,
            action=action,
            params=given,
            executor=executor,
            timeout_s=timeout_s,
            retries=retries,
            env=variables_for(workspace.home, environment, env or []),
            dry_run=dry_run,
        )
        started = start_run(workspace, request)
        if dry_run:
            return show_plan(started, output)
        return go_on(workspace, started, output, follow=not as_json, wait=as_json)

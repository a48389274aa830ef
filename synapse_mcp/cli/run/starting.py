"""What the commands that start a run have in common."""

import sys
from collections.abc import Sequence

from synapse_core.config.home import Home
from synapse_core.model.run import Run
from synapse_core.operations.environments import run_variables, unknown_keys
from synapse_core.workspace import Workspace
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.output import Output, note
from synapse_mcp.cli.params import parse_variables
from synapse_mcp.cli.run_view import run_json, write_outcome, write_run
from synapse_mcp.cli.watching import follow_to_end, outcome_code, wait_to_end

__all__ = ["go_on", "show_plan", "variables_for"]


def variables_for(home: Home, environment: str | None, given: Sequence[str]) -> dict[str, str]:
    """Return the variables of the environment, and over them those that were given.

    Raises:
        EnvironmentNotFoundError: There is no such environment.
        ParamsError: What was given is no variable.
    """
    for unknown in unknown_keys(home):
        note(f"{home.config_file}, line {unknown.line}: {unknown.key} is unknown. {unknown.hint}")
    return {**run_variables(home, environment), **parse_variables(given)}


def go_on(workspace: Workspace, run: Run, output: Output, *, follow: bool, wait: bool) -> int:
    """Show the started run: follow it, wait for its end, or only tell how to go on."""
    if follow:
        return follow_to_end(workspace, run.id, output)
    if wait:
        ended = wait_to_end(workspace, run.id, timeout_s=None)
        output.json(run_json(ended)) if output.as_json else write_outcome(output, ended)
        return outcome_code(ended)
    if output.as_json:
        output.json(run_json(run))
        return ExitCode.DONE
    output.line(run.id)
    if sys.stderr.isatty():
        note(f"Watch it:  synapse run follow {run.id}")
        note(f"Stop it:   synapse run cancel {run.id}")
    return ExitCode.DONE


def show_plan(run: Run, output: Output) -> int:
    """Show what would be started."""
    if output.as_json:
        output.json({**run_json(run), "dry_run": True})
    else:
        output.line("This would be started; nothing was.", "bold")
        write_run(output, run)
    return ExitCode.DONE

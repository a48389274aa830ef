"""`synapse deployment logs`."""

from typing import Annotated

import typer

from synapse_core.model.event import LogLevel
from synapse_core.operations.deployments.views import (
    ServedLine,
    follow_deployment_logs,
    read_deployment_logs,
)
from synapse_mcp.cli.deployment.options import DeploymentArgument
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.formatting import clock_text
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output, note
from synapse_mcp.cli.places import this_home

__all__ = ["logs"]

_PAGE = 10_000
_LEVEL_STYLES = {"warning": "yellow", "error": "red", "critical": "red", "success": "green"}


def logs(
    name: DeploymentArgument,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", min=0, help="Only the last lines.")
    ] = None,
    cursor: Annotated[
        str | None,
        typer.Option("--cursor", metavar="TEXT", help="Go on where --json said it ended."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Print what the replicas of a deployment say, in the order of time.

    With --json each line is an object, and the last one holds `next_cursor`, from which a later
    call goes on.
    """
    home, output = this_home(), Output(as_json=as_json)
    if follow:
        try:
            for line in follow_deployment_logs(home, name, cursor=cursor, tail=tail):
                _print(line, output)
                output.flush()
        except KeyboardInterrupt:
            note("\nThe deployment goes on.")
            return ExitCode.INTERRUPTED
        return ExitCode.DONE
    while True:
        page = read_deployment_logs(home, name, cursor=cursor, tail=tail, limit=_PAGE)
        for line in page.lines:
            _print(line, output)
        cursor = page.next_cursor
        if page.eof:
            break
    if as_json:
        output.json_line({"next_cursor": page.next_cursor})
    return ExitCode.DONE


def _print(line: ServedLine, output: Output) -> None:
    if output.as_json:
        output.json_line(line)
        return
    level = "" if line.level is LogLevel.INFO else f"{line.level.value.upper()}: "
    text = f"{clock_text(line.at)} {line.replica} {level}{line.message}"
    output.line(text, _LEVEL_STYLES.get(line.level.value, ""))

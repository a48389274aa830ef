"""`synapse run logs`."""

from dataclasses import replace
from typing import Annotated

import typer

from synapse_core.model.event import LogLevel
from synapse_core.operations.logs import LogLine, LogQuery, follow_logs, read_logs
from synapse_core.operations.runs import find_run
from synapse_core.workspace import Workspace
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.opening import open_runs
from synapse_mcp.cli.options import JsonOption, RunArgument
from synapse_mcp.cli.output import Output, note
from synapse_mcp.cli.plain_screen import log_text

__all__ = ["logs"]

_PAGE_CHARS = 1 << 20
"""Text of one page: enough that pages cost nothing, little enough for any memory."""

_PAGE_LINES = 10_000
_LEVEL_STYLES = {"warning": "yellow", "error": "red", "critical": "red", "success": "green"}


def logs(
    run: RunArgument,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the run ends.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", min=0, help="Only the last lines.")
    ] = None,
    level: Annotated[
        LogLevel | None, typer.Option("--level", "-l", help="Only lines at least this heavy.")
    ] = None,
    grep: Annotated[
        str | None,
        typer.Option(
            "--grep",
            "-g",
            metavar="REGEX",
            help="Only lines in which it is found; in the syntax of RE2, without lookarounds and "
            "backreferences.",
        ),
    ] = None,
    context: Annotated[
        int, typer.Option("--context", "-C", min=0, max=1000, help="Lines around each found one.")
    ] = 0,
    cursor: Annotated[
        str | None,
        typer.Option("--cursor", metavar="TEXT", help="Go on where --json said it ended."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Print the log of a run.

    With --json each line is an object, and the last one holds `next_cursor`, from which a later
    call goes on.

    Example: synapse run logs last --level warning --tail 50
    """
    query = LogQuery(
        cursor=cursor,
        tail=tail,
        level=level,
        grep=grep,
        context=context,
        max_chars=_PAGE_CHARS,
        limit=_PAGE_LINES,
    )
    output = Output(as_json=as_json)
    with open_runs() as workspace:
        run_id = find_run(workspace, run)
        if follow:
            return _follow(workspace, run_id, query, output)
        _print_all(workspace, run_id, query, output)
    return ExitCode.DONE


def _print_all(workspace: Workspace, run_id: str, query: LogQuery, output: Output) -> None:
    while True:
        page = read_logs(workspace, run_id, query)
        for line in page.lines:
            _print(line, output)
        if not page.truncated or query.tail is not None:
            break
        query = replace(query, cursor=page.next_cursor)
    if output.as_json:
        told = {"next_cursor": page.next_cursor, "eof": page.eof, "total_lines": page.total_lines}
        output.json_line(told)


def _follow(workspace: Workspace, run_id: str, query: LogQuery, output: Output) -> int:
    try:
        for line in follow_logs(workspace, run_id, query):
            _print(line, output)
            output.flush()
    except KeyboardInterrupt:
        note(f"\nThe run goes on. Stop it: synapse run cancel {run_id}")
        return ExitCode.INTERRUPTED
    return ExitCode.DONE


def _print(line: LogLine, output: Output) -> None:
    if output.as_json:
        output.json_line(line)
    else:
        output.line(log_text(line), _LEVEL_STYLES.get(line.level.value, ""))

"""`synapse run list`."""

from typing import Annotated

import typer

from synapse_core.model.run import Page, Run, RunFilter, RunStatus
from synapse_core.operations.runs import list_runs
from synapse_mcp.cli.completion import complete_plugins
from synapse_mcp.cli.failures import ExitCode, UsageFault
from synapse_mcp.cli.formatting import duration_text, run_duration_s, time_text
from synapse_mcp.cli.opening import open_runs
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output, note
from synapse_mcp.cli.run_view import STATUS_STYLES, run_json
from synapse_mcp.tools.times import parse_time

__all__ = ["filter_for", "list_some"]

_MAX_LIMIT = 1000


def list_some(
    *,
    status: Annotated[
        list[RunStatus] | None,
        typer.Option("--status", "-s", help="Only runs of this status. May be repeated."),
    ] = None,
    plugin: Annotated[
        str | None,
        typer.Option(
            "--plugin",
            "-P",
            metavar="CODE",
            help="Only runs of this plugin.",
            autocompletion=complete_plugins,
        ),
    ] = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="NAME", help="Only runs of this action.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Created after it: 2026-01-31, 2h, 7d."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Created before it.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=_MAX_LIMIT, help="How many.")
    ] = 20,
    cursor: Annotated[
        str | None,
        typer.Option("--cursor", metavar="TEXT", help="Go on where an earlier list ended."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """List runs, newest first.

    Example: synapse run list --status failed --since 24h
    """
    where = filter_for(status or [], plugin, action, since, until)
    with open_runs() as workspace:
        page = list_runs(workspace, where, limit=limit, cursor=cursor)
    output = Output(as_json=as_json)
    if as_json:
        runs = [run_json(run) for run in page.items]
        output.json({"runs": runs, "next_cursor": page.next_cursor})
    elif not page.items:
        note("No runs." if where == RunFilter() else "No runs match.")
    else:
        _show(page, output)
    return ExitCode.DONE


def _show(page: Page[Run], output: Output) -> None:
    columns = ("run", "status", "plugin", "action", "created", "took", "what")
    output.table(columns, [_row(run) for run in page.items], styles=STATUS_STYLES)
    if page.next_cursor is not None:
        note(f"More: add --cursor {page.next_cursor}")


def filter_for(
    statuses: list[RunStatus],
    plugin: str | None,
    action: str | None,
    since: str | None,
    until: str | None,
) -> RunFilter:
    """Return the filter that the options make.

    Raises:
        UsageFault: A time is none.
    """
    return RunFilter(
        statuses=frozenset(statuses),
        plugin=plugin,
        action=action,
        since=_time("--since", since),
        until=_time("--until", until),
    )


def _time(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise UsageFault(f"{option} {text!r} is no time.", hint=f"It {error}.") from None


def _row(run: Run) -> tuple[str, ...]:
    if run.failure is not None:
        what = f"{run.failure.type}: {run.failure.message}".split("\n", 1)[0]
    else:
        shown = [f"{name} {p.percent:.0f}%" for name, p in run.summary.progress.items()]
        what = ", ".join(shown) if not run.status.is_terminal else run.summary.last_message
    return (
        run.id,
        run.status.value,
        run.plugin,
        run.action,
        time_text(run.created_at),
        duration_text(run_duration_s(run)),
        what,
    )

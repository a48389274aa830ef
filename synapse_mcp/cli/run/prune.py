"""`synapse run prune`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from synapse_core.model.run import RunFilter, RunStatus
from synapse_core.operations.history import PruneReport, delete_runs, prune_runs
from synapse_core.operations.runs import find_run
from synapse_core.workspace import Workspace
from synapse_mcp.cli.asking import require_yes
from synapse_mcp.cli.completion import complete_plugins, complete_runs
from synapse_mcp.cli.failures import ExitCode, UsageFault
from synapse_mcp.cli.formatting import size_text
from synapse_mcp.cli.opening import open_runs
from synapse_mcp.cli.options import JsonOption, YesOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.run.list import filter_for

__all__ = ["prune"]


def prune(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="These runs only.", autocompletion=complete_runs),
    ] = None,
    *,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="TIME", help="Created before it: 30d, 2026-01-31."),
    ] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", min=0, help="Keep the newest of those that match.")
    ] = None,
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
    everything: Annotated[
        bool, typer.Option("--all", help="All ended runs that match, however new.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> int:
    """Remove ended runs with all they left: log, files, result.

    Name runs, or say which with --older-than, --keep or --all. Runs that go on are never removed.

    Example: synapse run prune --older-than 30d --keep 100
    """
    where = filter_for(status or [], plugin, None, None, older_than)
    _check_words(runs or [], where, keep, everything=everything)
    output = Output(as_json=as_json)
    with open_runs() as workspace:
        plan = _plan(workspace, runs or [], where, keep or 0)
        if dry_run or not plan.run_ids:
            return _tell(plan, output)
        size = size_text(plan.freed_bytes)
        require_yes(f"Remove {_count(plan)} with {size} of logs and files for good?", yes=yes)
        return _tell(delete_runs(workspace, plan.run_ids), output)


def _check_words(
    runs: Sequence[str], where: RunFilter, keep: int | None, *, everything: bool
) -> None:
    chooses = where.until is not None or keep is not None or everything
    if runs and (chooses or where != RunFilter()):
        raise UsageFault("Runs are named, and chosen by options besides.", hint="Do one of both.")
    if not runs and not chooses:
        raise UsageFault(
            "Nothing says which runs are to go.",
            hint="Name them, or add --older-than 30d, --keep 100 or --all.",
        )


def _plan(workspace: Workspace, runs: Sequence[str], where: RunFilter, keep: int) -> PruneReport:
    if runs:
        found = list(dict.fromkeys(find_run(workspace, reference) for reference in runs))
        return delete_runs(workspace, found, dry_run=True)
    return prune_runs(workspace, where, keep=keep, dry_run=True)


def _tell(report: PruneReport, output: Output) -> int:
    if output.as_json:
        output.json(report)
        return ExitCode.DONE
    if report.dry_run:
        for run_id in report.run_ids:
            output.line(run_id)
    word = "would go" if report.dry_run else "removed"
    output.line(f"{_count(report)} {word}, {size_text(report.freed_bytes)}.")
    return ExitCode.DONE


def _count(report: PruneReport) -> str:
    count = len(report.run_ids)
    return f"{count} run{'' if count == 1 else 's'}"

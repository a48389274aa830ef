"""Shows what scaffolding wrote, or would write."""

from synapse_core.operations.scaffolding import Change, ScaffoldReport
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.output import Output, note

__all__ = ["show_scaffold"]

_STYLES = {
    Change.CREATED: "green",
    Change.UPDATED: "yellow",
    Change.REPLACED: "red",
    Change.UNCHANGED: "dim",
}

_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def show_scaffold(report: ScaffoldReport, output: Output) -> int:
    """Show the report: as JSON, as a diff for a dry run, else as a list of files."""
    if output.as_json:
        output.json(report)
    elif report.is_dry_run:
        _show_diff(report, output)
    else:
        _show_files(report, output)
    return ExitCode.DONE


def _show_diff(report: ScaffoldReport, output: Output) -> None:
    for line in report.diff.removesuffix("\n").split("\n"):
        output.line(line, _DIFF_STYLES.get(line[:1], ""))
    # The diff alone stands on stdout, so that it can be piped into `git apply`.
    note(f"Nothing was written to {report.path}. Leave out --dry-run to write it.")


def _show_files(report: ScaffoldReport, output: Output) -> None:
    output.line(str(report.path), "bold")
    for file in report.files:
        output.line(f"  {file.change.value:9}  {file.path}", _STYLES[file.change])
    output.line()
    output.line("Next:")
    for command in report.next_steps:
        output.line(f"  {command}")

"""`synapse plugin check`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from synapse_core.model.plugin import Diagnostic, Severity
from synapse_core.operations.checking import CheckReport, check_plugin
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import JsonOption, OptionalPluginArgument
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import plugin_here

__all__ = ["check"]

_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "dim"}


def check(
    plugin: OptionalPluginArgument = None,
    *,
    static: Annotated[
        bool,
        typer.Option("--static", help="Only read its files; import nothing, and so miss more."),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Let warnings fail the check, too.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Find what keeps a plugin from running, with the place and how to mend it.

    Its files are read, then its actions are imported in a process of their own. The exit code is 1
    when an error is found. A plugin without errors can be run.
    """
    reference = plugin_here(plugin)
    output = Output(as_json=as_json)
    with open_plugins([reference]) as workspace:
        report = check_plugin(workspace, reference, static_only=static)
    if as_json:
        output.json(report)
    else:
        _tell(report, output)
    is_bad = not report.ok or (strict and report.count(Severity.WARNING) > 0)
    return ExitCode.FAILED if is_bad else ExitCode.DONE


def _tell(report: CheckReport, output: Output) -> None:
    for finding in report.diagnostics:
        place = _place(report.path, finding)
        output.line(
            f"{place}: {finding.severity.value} [{finding.code}]", _STYLES[finding.severity]
        )
        output.line(f"  {finding.message}")
        if finding.fix:
            output.line(f"  Fix: {finding.fix}")
    if report.diagnostics:
        output.line()
    output.line(_conclude(report), "green" if report.ok else "red")


def _place(folder: Path, finding: Diagnostic) -> str:
    """Return the place in the way that terminals and editors open at a click."""
    file = folder / finding.file
    here = Path.cwd()
    shown = str(file.relative_to(here)) if file.is_relative_to(here) else str(file)
    numbers = [str(number) for number in (finding.line, finding.column) if number]
    return ":".join([shown or os.curdir, *numbers])


def _conclude(report: CheckReport) -> str:
    counted = [
        f"{count} {word}{'s' * (count != 1)}"
        for severity, word in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"))
        if (count := report.count(severity))
    ]
    found = ", ".join(counted)
    if not report.ok:
        return f"{report.plugin} cannot be run as it is: {found}."
    actions = f"{len(report.actions)} action{'s' * (len(report.actions) != 1)}"
    seen = "read" if report.is_static else "imported"
    return f"{report.plugin} is valid: {actions} {seen}{', ' if found else ''}{found}."

"""`synapse doctor`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from synapse_core.errors import ConfigError
from synapse_core.operations.doctor.verbs import DoctorReport, FindingLevel, examine
from synapse_core.operations.environments import list_plugin_folders
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home

__all__ = ["doctor"]

_MARKS = {
    FindingLevel.OK: ("ok", "green"),
    FindingLevel.INFO: ("note", "dim"),
    FindingLevel.WARNING: ("warn", "yellow"),
    FindingLevel.ERROR: ("FAIL", "red"),
}


def doctor(
    *,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only tell what is not as it should be.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Find out what is wrong with this installation, and what to do about it.

    The exit code is 1 when something that is needed does not work.
    """
    home = this_home()
    report = examine(home, [Path.cwd(), *_registered()], environ=os.environ)
    output = Output(as_json=as_json)
    if as_json:
        output.json(report)
    else:
        _tell(report, output, quiet=quiet)
    return ExitCode.DONE if report.is_healthy else ExitCode.FAILED


def _registered() -> list[Path]:
    try:
        return [folder for folder in list_plugin_folders(this_home()) if folder.is_dir()]
    except ConfigError:
        return []  # the check of the configuration tells it


def _tell(report: DoctorReport, output: Output, *, quiet: bool) -> None:
    if not quiet:
        output.line("  ".join(f"{name} {version}" for name, version in report.versions.items()))
        output.line()
    for finding in report.findings:
        if quiet and finding.level in {FindingLevel.OK, FindingLevel.INFO}:
            continue
        mark, style = _MARKS[finding.level]
        output.line(f"{mark:4}  {finding.check:13}  {finding.message}", style)
        if finding.fix:
            output.line(f"{'':21}{finding.fix}")
    if not quiet:
        output.line()
        if report.is_healthy:
            output.line("All that is needed works.", "green")
        else:
            output.line("Something that is needed does not work; see FAIL above.", "red")

"""`synapse plugin test`."""

import shlex
from typing import Annotated

import typer

from synapse_core.operations.testing import DEFAULT_TIMEOUT_S, TestOutcome, TestReport, test_plugin
from synapse_mcp.cli.failures import ExitCode, UsageFault
from synapse_mcp.cli.formatting import duration_text
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import JsonOption, OptionalPluginArgument
from synapse_mcp.cli.output import Output, to_json
from synapse_mcp.cli.places import plugin_here

__all__ = ["run_tests"]


def run_tests(
    plugin: OptionalPluginArgument = None,
    *,
    pytest: Annotated[
        str,
        typer.Option(
            "--pytest", metavar="ARGS", help="Arguments of pytest: --pytest '-x -k name'."
        ),
    ] = "",
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=1, metavar="SECONDS", help="Stop them after that.")
    ] = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> int:
    """Run the tests of a plugin with pytest, in a process of their own.

    The exit code is 1 when a test fails, or when there are none.
    """
    reference = plugin_here(plugin)
    args = _split(pytest)
    output = Output(as_json=as_json)
    with open_plugins([reference]) as workspace:
        report = test_plugin(workspace, reference, args, timeout_s=timeout_s)
    if as_json:
        output.json({"ok": report.ok, "counts": report.counts, **_fields(report)})
    else:
        _tell(report, output)
    return ExitCode.DONE if report.ok else ExitCode.FAILED


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageFault(
            f"--pytest {text!r} cannot be split into arguments: {error}.",
            hint="Close every quote.",
        ) from None


def _fields(report: TestReport) -> dict[str, object]:
    told = to_json(report)
    return dict[str, object](told) if isinstance(told, dict) else {}


def _tell(report: TestReport, output: Output) -> None:
    for outcome in report.outcomes:
        if not outcome.is_good:
            _tell_outcome(outcome, output)
    if report.problem and not report.outcomes:
        output.line(report.output.rstrip())
    if report.problem:
        output.line(report.problem, "red")
    counts = ", ".join(f"{count} {status}" for status, count in report.counts.items())
    took = duration_text(report.duration_s)
    output.line(f"{counts or 'no tests'} in {took}", "green" if report.ok else "red")


def _tell_outcome(outcome: TestOutcome, output: Output) -> None:
    output.line(f"{outcome.status.value.upper()} {outcome.test}", "red")
    output.line(f"  {outcome.file}:{outcome.line}")
    for line in (outcome.details or outcome.message).rstrip().split("\n"):
        output.line(f"  {line}")
    output.line()

"""Looking for faults in a plugin before it runs."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from synapse_core.model.plugin import Diagnostic, Severity
from synapse_mcp.calls import Call
from synapse_mcp.errors import clip
from synapse_mcp.results.base import Result, Row, fit, suggest
from synapse_mcp.tools.declaration import Arguments, Effect, Tool

if TYPE_CHECKING:
    from synapse_core.operations.checking import CheckReport

__all__ = ["PLUGIN_CHECK", "CheckArguments", "CheckResult", "plugin_check"]

_MAX_FINDINGS = 60
_MAX_TEXT = 400


class CheckArguments(Arguments):
    """What to check."""

    path: Annotated[str, Field(max_length=1000, description="folder of the plugin, or its code")]


class FindingView(Row):
    """One finding: how bad, what kind, where (`file:line:column`), what, and the fix."""

    severity: str
    code: str
    where: str | None = None
    key: str | None = None
    message: str
    fix: str | None = None


class CheckResult(Result):
    """Whether a plugin can be run, and what was found."""

    plugin: str
    valid: bool
    path: str
    actions: list[str]
    errors: int
    warnings: int
    findings: list[FindingView]
    truncated: str | None = None
    next: list[str] = Field(default_factory=list[str])


def plugin_check(call: Call, arguments: CheckArguments) -> CheckResult:
    """Find what keeps a plugin from running: each finding with file, line and fix.

    valid means that its actions can be started.
    """
    from synapse_core.operations.checking import (  # noqa: PLC0415 - delays the first call of any tool
        check_plugin,
    )

    report = check_plugin(call.workspace, arguments.path)
    total = len(report.diagnostics)

    def build(most: int) -> CheckResult:
        shown = report.diagnostics[:most]
        return CheckResult(
            plugin=report.plugin,
            valid=report.ok,
            path=str(report.path),
            actions=list(report.actions[:most]),
            errors=report.count(Severity.ERROR),
            warnings=report.count(Severity.WARNING),
            findings=[_view(finding) for finding in shown],
            truncated=f"the worst {most} of {total} findings" if len(shown) < total else None,
            next=_next_calls(report),
        )

    return fit(build, _MAX_FINDINGS)


def _view(finding: Diagnostic) -> FindingView:
    where = [str(part) for part in (finding.file, finding.line, finding.column) if part]
    return FindingView(
        severity=finding.severity.value,
        code=finding.code,
        where=":".join(where) or None,
        key=finding.key or None,
        message=clip(finding.message, _MAX_TEXT),
        fix=clip(finding.fix, _MAX_TEXT) or None,
    )


def _next_calls(report: "CheckReport") -> list[str]:
    path = str(report.path)
    if not report.ok:
        return [suggest("plugin_check", path=path)]
    return [suggest("plugin_describe", plugin=path, action=action) for action in report.actions[:1]]


PLUGIN_CHECK = Tool(
    run=plugin_check,
    arguments=CheckArguments,
    result=CheckResult,
    title="Check a plugin",
    effect=Effect.READS,
    example={"path": "my_plugin"},
    search_hint="validate lint diagnose plugin",
)

"""Finding out what is wrong with this installation."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from synapse_core.errors import SynapseError
from synapse_mcp.calls import Call
from synapse_mcp.errors import clip
from synapse_mcp.results.base import Result, Row, fit, suggest
from synapse_mcp.tools.declaration import Effect, NoArguments, Tool

__all__ = ["ENV_DOCTOR", "DoctorResult", "env_doctor"]

_MAX_PROBLEMS = 40
_MAX_TEXT = 400


class ProblemView(Row):
    """Something that is not as it should be."""

    check: str
    level: str
    message: str
    fix: str | None = None


class DoctorResult(Result):
    """How this installation is."""

    healthy: bool
    problems: list[ProblemView]
    fine: list[str]
    versions: dict[str, str]
    truncated: str | None = None
    next: list[str] = Field(default_factory=list[str])


def env_doctor(call: Call, _arguments: NoArguments) -> DoctorResult:
    """Look for problems of this installation, and the fix of each."""
    from synapse_core.operations.doctor.verbs import (  # noqa: PLC0415 - delays the first call of any tool
        FindingLevel,
        examine,
    )

    good = {FindingLevel.OK, FindingLevel.INFO}
    report = examine(call.home or call.workspace.home, _roots(call), environ=call.environ)
    bad = [finding for finding in report.findings if finding.level not in good]
    fine = dict.fromkeys(f.check for f in report.findings if f.level in good)

    def build(most: int) -> DoctorResult:
        return DoctorResult(
            healthy=report.is_healthy,
            problems=[
                ProblemView(
                    check=finding.check,
                    level=finding.level.value,
                    message=clip(finding.message, _MAX_TEXT),
                    fix=clip(finding.fix, _MAX_TEXT) or None,
                )
                for finding in bad[:most]
            ],
            fine=[check for check in fine if check not in {finding.check for finding in bad}],
            versions=report.versions,
            truncated=f"the first {most} of {len(bad)} problems" if most < len(bad) else None,
            next=[suggest("env_doctor")] if bad else [suggest("plugin_search")],
        )

    return fit(build, _MAX_PROBLEMS)


def _roots(call: Call) -> Sequence[Path]:
    """Return where plugins are looked for, also when the workspace cannot be opened."""
    if isinstance(call.opened, SynapseError):
        return call.settings.roots or (Path.cwd(),)
    return call.opened.roots


ENV_DOCTOR = Tool(
    run=env_doctor,
    arguments=NoArguments,
    result=DoctorResult,
    title="Examine the installation",
    effect=Effect.READS,
    search_hint="problems setup versions health disk",
)

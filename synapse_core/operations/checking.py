"""Find what keeps a plugin from running."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from synapse_core.checks.declared import locate_actions
from synapse_core.checks.imported import check_imported
from synapse_core.checks.kept import KeptFindings, parse_diagnostic, read_kept, write_kept
from synapse_core.checks.stamps import stamp_folder
from synapse_core.checks.static import check_source
from synapse_core.errors import ManifestError
from synapse_core.model.plugin import Diagnostic, Plugin, Severity
from synapse_core.operations.pipelines.checking import check_pipelines
from synapse_core.operations.plugins import find_plugin, locate_plugin
from synapse_core.plugins.layout import MANIFEST, find_prefix
from synapse_core.workspace import Workspace

__all__ = ["CheckReport", "check_plugin"]

_PASSING = frozenset({"import-crash", "import-slow", "import-timeout", "requirement-unavailable"})
"""Findings that may be due to the moment, such as a busy machine or no network: not kept."""

_WEIGHTS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What a check found.

    Attributes:
        plugin: Code of the plugin; the name of its folder when the manifest cannot be read.
        path: Its folder.
        ok: Whether no finding is an error.
        is_static: Whether its files were only read. Then `ok` promises less: an import may fail.
        actions: Names of its actions.
        diagnostics: The findings, worst first, then by place.
        duration_s: Seconds that it took.
        is_kept: Whether an earlier check of the same files had found all that.
    """

    plugin: str
    path: Path
    ok: bool
    is_static: bool
    actions: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    duration_s: float
    is_kept: bool = False

    def count(self, severity: Severity) -> int:
        """Return how many findings are as bad as that."""
        return sum(finding.severity is severity for finding in self.diagnostics)


def check_plugin(
    workspace: Workspace, reference: str | Path, *, static_only: bool = False
) -> CheckReport:
    """Read the files, import the actions in a process of their own, and tell what is wrong.

    A plugin without errors can be run. Faults of its manifest are findings, not errors of the call.
    What an earlier check found is told again as long as nothing has changed.

    Args:
        workspace: Where plugins are.
        reference: Code of the plugin, or path of its folder.
        static_only: Import nothing.

    Raises:
        PathRefusedError: The folder lies outside the roots.
        PluginNotFoundError: There is no such plugin.
        StorageError: A file of the plugin may not be read.
    """
    started = time.monotonic()
    folder = locate_plugin(workspace, reference)
    # Before anything is read: what changes from here on is seen by the next check.
    stamp = "" if static_only else stamp_folder(folder)
    kept = read_kept(workspace.home.cache_dir, folder, stamp) if stamp else None
    found = kept or _look(workspace, folder, static_only=static_only)
    if stamp and kept is None and not any(one.code in _PASSING for one in found.diagnostics):
        write_kept(workspace.home.cache_dir, folder, stamp, found)
    diagnostics = found.diagnostics
    if not static_only and _is_sound(diagnostics):
        # Never kept: they may name actions of other plugins, which change without this one.
        pipelines = check_pipelines(workspace, find_plugin(workspace, str(folder)))
        diagnostics = _sorted([*diagnostics, *pipelines])
    return CheckReport(
        plugin=found.plugin,
        path=folder,
        ok=_is_sound(diagnostics),
        is_static=static_only,
        actions=found.actions,
        diagnostics=diagnostics,
        duration_s=round(time.monotonic() - started, 4),
        is_kept=kept is not None,
    )


def _is_sound(diagnostics: Iterable[Diagnostic]) -> bool:
    return all(finding.severity is not Severity.ERROR for finding in diagnostics)


def _look(workspace: Workspace, folder: Path, *, static_only: bool) -> KeptFindings:
    try:
        plugin = find_plugin(workspace, str(folder))
        findings = _look_inside(workspace, plugin, static_only=static_only)
    except ManifestError as error:
        return KeptFindings(
            plugin=folder.name, actions=(), diagnostics=_sorted(_manifest_findings(error))
        )
    return KeptFindings(
        plugin=plugin.code, actions=tuple(plugin.actions), diagnostics=_sorted(findings)
    )


def _look_inside(workspace: Workspace, plugin: Plugin, *, static_only: bool) -> list[Diagnostic]:
    actions = locate_actions(plugin)
    entrypoints = [action.spec.entrypoint for action in actions]
    prefix = find_prefix(plugin.path, entrypoints)
    report = check_source(plugin.path, plugin.code, actions, prefix=prefix)
    if static_only:
        return report.findings
    whole = [action for action in actions if action.spec.name not in report.broken_actions]
    return [*report.findings, *check_imported(workspace.inspector, plugin.path, whole)]


def _manifest_findings(error: ManifestError) -> list[Diagnostic]:
    listed = error.data.get("diagnostics")
    entries = listed if isinstance(listed, list) else []
    found = [parse_diagnostic(entry) for entry in entries if isinstance(entry, dict)]
    line, column = error.data.get("line"), error.data.get("column")
    return found or [
        Diagnostic(
            code=error.code,
            message=error.message,
            file=MANIFEST,
            line=line if isinstance(line, int) else 0,
            column=column if isinstance(column, int) else 0,
            fix=error.hint,
        )
    ]


def _sorted(findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(
        sorted(
            dict.fromkeys(findings),
            key=lambda one: (_WEIGHTS[one.severity], one.file, one.line, one.column, one.code),
        )
    )

"""Looks at a plugin without importing any of it."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from synapse_core.checks.classes import check_class
from synapse_core.checks.dependencies import check_imports
from synapse_core.checks.entrypoints import check_entrypoints, find_code
from synapse_core.checks.functions import check_function
from synapse_core.checks.habits import check_habits
from synapse_core.checks.reaching import find_reachable, read_plugin
from synapse_core.checks.requirements import load_requirements
from synapse_core.checks.shadowing import check_shadowed_modules, check_shadowed_names
from synapse_core.checks.subject import ActionCode, CheckedAction, Subject
from synapse_core.checks.undeclared import check_undeclared
from synapse_core.checks.undefined import check_undefined
from synapse_core.checks.unread import check_lazy, check_unread
from synapse_core.checks.uses import Uses
from synapse_core.discovery.sources import Source, UnreadSource
from synapse_core.model.plugin import Diagnostic, Severity

__all__ = ["StaticReport", "check_source"]


class StaticReport:
    """What was found.

    Attributes:
        findings: In the order in which things were looked at.
        broken_actions: Names of the actions that cannot be run, or not be imported.
    """

    def __init__(self) -> None:
        self.findings: list[Diagnostic] = []
        self.broken_actions: set[str] = set()

    def add(self, action: CheckedAction, findings: Sequence[Diagnostic]) -> None:
        """Keep findings about an action."""
        self.findings += findings
        if any(finding.severity is Severity.ERROR for finding in findings):
            self.broken_actions.add(action.spec.name)


def check_source(
    folder: Path, code: str, actions: Sequence[CheckedAction], *, prefix: str = ""
) -> StaticReport:
    """Return what the plugin's files tell.

    Args:
        folder: The plugin's folder.
        code: Its code.
        actions: Its actions, declared ones first.
        prefix: Package that the folder itself is; empty when it is the import root.
    """
    symbols, sources, unread = read_plugin(folder, actions, prefix)
    subject = Subject(folder=folder, code=code, actions=actions, symbols=symbols, prefix=prefix)
    report = StaticReport()
    report.findings += check_entrypoints(subject)
    codes: list[ActionCode] = []
    missing: set[str] = set()
    for action in actions:
        found = find_code(subject, action)
        if isinstance(found, Diagnostic):
            report.add(action, [found])
            if found.code in {"module-missing", "attribute-missing"}:
                missing.add(action.spec.name)
        elif found is not None:
            codes.append(found)
            report.add(action, [*check_class(symbols, found), *check_function(symbols, found)])
    names = find_reachable(symbols, actions)
    reachable = [source for source in sources if source.module in names]
    report.findings += check_unread(unread, names)
    report.findings += check_lazy(reachable, find_reachable(symbols, actions, at_once=True))
    report.findings += _check_unreachable(sources)
    requirements, findings = load_requirements(folder)
    report.findings += findings
    if any(finding.severity is Severity.ERROR for finding in findings):
        # Nothing is imported before what it needs can be installed.
        report.broken_actions.update(action.spec.name for action in actions)
    uses = Uses(reachable, codes)
    report.findings += check_imports(subject, reachable, uses, requirements)
    report.findings += check_shadowed_modules(subject, sources)
    report.findings += check_shadowed_names(subject, reachable)
    report.findings += check_habits(subject, reachable, codes, uses)
    report.findings += check_undefined(reachable, uses)
    report.findings += check_undeclared(subject, sources, codes, missing)
    _mark_broken(report, subject, [*sources, *unread])
    return report


def _mark_broken(
    report: StaticReport, subject: Subject, modules: Sequence[Source | UnreadSource]
) -> None:
    """Note the actions that reach a file with an error: importing them would tell it again."""
    files = {finding.file for finding in report.findings if finding.severity is Severity.ERROR}
    bad = {module.module for module in modules if module.path in files}
    for action in subject.actions:
        if bad and bad & find_reachable(subject.symbols, [action]):
            report.broken_actions.add(action.spec.name)


def _check_unreachable(sources: Sequence[Source]) -> Iterator[Diagnostic]:
    """Yield files with actions that no entrypoint can name."""
    for source in sources:
        if source.module:
            continue
        for node in source.tree.body:
            if _looks_like_action(node):
                part = next(
                    part
                    for part in source.path.removesuffix(".py").split("/")
                    if not part.isidentifier()
                )
                yield Diagnostic(
                    code="unreachable-module",
                    message=f"No entrypoint can reach this action: {part!r} is no Python name.",
                    severity=Severity.WARNING,
                    file=source.path,
                    line=node.lineno,
                    column=node.col_offset + 1,
                    fix=f"Rename it, for example to {part.replace('-', '_').replace(' ', '_')}.",
                )
                break


def _looks_like_action(node: ast.stmt) -> bool:
    match node:
        case ast.ClassDef(bases=bases):
            return any("BaseAction" in ast.unparse(base) for base in bases)
        case ast.FunctionDef(decorator_list=decorators):
            return any(ast.unparse(one).startswith(("action(", "action")) for one in decorators)
        case _:
            return False

"""Looks whether everything that a plugin imports is there."""

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence

from synapse_core.actions.distributions import name_distribution
from synapse_core.checks.imports import Import, Scope
from synapse_core.checks.requirements import Requirements, find_installed
from synapse_core.checks.shadowing import hides_what_is_needed
from synapse_core.checks.sources import Source
from synapse_core.checks.subject import ActionCode, CheckedAction, Subject
from synapse_core.checks.symbols import Symbols
from synapse_core.errors import nearest
from synapse_core.model.plugin import Diagnostic, Severity
from synapse_core.plugins.layout import split_entrypoint

__all__ = ["check_imports", "find_reachable"]

_PROVIDED = frozenset(
    {"annotated_types", "pydantic", "pydantic_core", "synapse_core", "typing_extensions"}
)
"""What every plugin may import without asking for it."""


def find_reachable(symbols: Symbols, actions: Iterable[CheckedAction]) -> set[str]:
    """Return the names of the modules that are imported when one of the actions runs."""
    waiting = [split_entrypoint(action.spec.entrypoint)[0] for action in actions]
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in seen or not symbols.is_module(module):
            continue
        seen.add(module)
        waiting.append(module.rpartition(".")[0])
        if symbols.source(module) is not None:
            for one in symbols.imports(module):
                waiting += [one.module, f"{one.module}.{one.name}"]
    return seen


def check_imports(
    subject: Subject,
    reachable: Sequence[Source],
    codes: Sequence[ActionCode],
    requirements: Requirements,
) -> Iterator[Diagnostic]:
    """Yield what the modules that run import, but cannot."""
    told: set[str] = set()
    for source in reachable:
        for one in subject.symbols.imports(source.module):
            if one.is_relative and not one.module:
                yield _describe(
                    source,
                    one,
                    "relative-import",
                    "The relative import leads out of the plugin's packages.",
                    "Write the whole name of the module, such as `from package.module import …`.",
                )
                continue
            top = one.module.partition(".")[0]
            if subject.symbols.is_module(top):
                if not hides_what_is_needed(top):  # else its name is what is wrong
                    yield from _check_own(subject.symbols, source, one)
            elif top not in told and top not in _PROVIDED:
                finding = _check_library(subject, source, one, codes, requirements)
                if finding is not None:
                    told.add(top)
                    yield finding


def _check_own(symbols: Symbols, source: Source, one: Import) -> Iterator[Diagnostic]:
    """Yield what is wrong with an import of one of the plugin's own modules."""
    if one.is_optional:
        return
    if not symbols.is_module(one.module):
        yield _describe(
            source,
            one,
            "local-module-missing",
            f"This plugin has no module {one.module!r}.",
            f"{nearest(one.module, symbols.modules)} Make it, or correct the import.".strip(),
        )
        return
    is_there = (
        one.name in {"", "*"}
        or symbols.is_open(one.module)
        or one.name in symbols.names(one.module)
        or symbols.is_module(f"{one.module}.{one.name}")
        or one.name.startswith("__")
    )
    if not is_there:
        guess = nearest(one.name, symbols.names(one.module))
        yield _describe(
            source,
            one,
            "import-name-missing",
            f"The module {one.module!r} has no {one.name!r}.",
            f"{guess} Define it there, or correct the import.".strip(),
        )


def _check_library(
    subject: Subject,
    source: Source,
    one: Import,
    codes: Sequence[ActionCode],
    requirements: Requirements,
) -> Diagnostic | None:
    top = one.module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "__future__":
        return None
    distribution = name_distribution(top)
    is_declared = requirements.has(top)
    if find_installed(top, subject.folder):
        if is_declared or one.is_optional:
            return None
        return _describe(
            source,
            one,
            "undeclared-requirement",
            f"{top!r} is installed here, but the plugin does not ask for it.",
            f"Add {distribution!r} to {requirements.file}.",
            severity=Severity.WARNING,
        )
    if one.is_optional:
        return None
    if requirements.installs(top):
        return None  # before the plugin is executed; whether that works, its import tells
    # A function that is never called does no harm; an action's own body is.
    is_needed = one.scope is Scope.MODULE or _is_inside(source, one, codes)
    severity = Severity.ERROR if is_needed else Severity.WARNING
    return _describe(
        source,
        one,
        "missing-requirement",
        f"{top!r} is not installed, and the plugin does not ask for it.",
        f"Add {distribution!r} to {requirements.file}; it is installed when the plugin runs.",
        severity=severity,
    )


def _is_inside(source: Source, one: Import, codes: Sequence[ActionCode]) -> bool:
    nodes: list[ast.stmt] = []
    for code in codes:
        nodes += [node for where, node in code.chain if where is source]
        nodes += [code.node] if code.source is source else []
    return any(node.lineno <= one.line <= (node.end_lineno or node.lineno) for node in nodes)


def _describe(
    source: Source,
    one: Import,
    code: str,
    message: str,
    fix: str,
    *,
    severity: Severity = Severity.ERROR,
) -> Diagnostic:
    return Diagnostic(
        code=code,
        message=message,
        severity=severity,
        file=str(source.path),
        line=one.line,
        column=one.column,
        fix=fix,
    )

"""Looks whether everything that a plugin imports is there."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from synapse_core.actions.distributions import name_distribution
from synapse_core.checks.requirements import Requirements, find_installed
from synapse_core.checks.shadowing import hides_what_is_needed
from synapse_core.checks.subject import Subject, in_source
from synapse_core.checks.uses import Uses
from synapse_core.discovery.imports import Import
from synapse_core.discovery.sources import Source
from synapse_core.discovery.symbols import Symbols
from synapse_core.errors import nearest
from synapse_core.model.plugin import Diagnostic, Severity

__all__ = ["check_imports"]

_PROVIDED = frozenset(
    {"annotated_types", "pydantic", "pydantic_core", "synapse_core", "typing_extensions"}
)
"""What every plugin may import without asking for it."""


def check_imports(
    subject: Subject,
    reachable: Sequence[Source],
    uses: Uses,
    requirements: Requirements,
) -> Iterator[Diagnostic]:
    """Yield what the modules that run import, but cannot."""
    lacking: dict[str, Diagnostic] = {}
    for source in reachable:
        for one in subject.symbols.imports(source.module):
            if one.is_relative and not one.module:
                yield in_source(
                    source,
                    one.node,
                    "relative-import",
                    "The relative import leads out of the plugin's packages.",
                    "Write the whole name of the module, such as `from package.module import …`.",
                )
                continue
            top = one.module.partition(".")[0]
            if subject.symbols.is_module(top):
                if not hides_what_is_needed(top):  # else its name is what is wrong
                    for finding in _check_own(subject.symbols, source, one):
                        yield replace(finding, severity=uses.weigh(source, one.line, one.function))
            elif top not in _PROVIDED and not _is_told(lacking, top):
                finding = _check_library(subject, source, one, requirements)
                if finding is not None and finding.severity is Severity.ERROR:
                    finding = replace(finding, severity=uses.weigh(source, one.line, one.function))
                if finding is not None and (top not in lacking or _is_fatal(finding)):
                    lacking[top] = finding
    yield from lacking.values()


def _is_told(lacking: dict[str, Diagnostic], library: str) -> bool:
    """Whether nothing worse can be said of the library."""
    return library in lacking and _is_fatal(lacking[library])


def _is_fatal(finding: Diagnostic) -> bool:
    return finding.severity is Severity.ERROR


def _check_own(symbols: Symbols, source: Source, one: Import) -> Iterator[Diagnostic]:
    """Yield what is wrong with an import of one of the plugin's own modules."""
    if one.is_optional:
        return
    if not symbols.is_module(one.module):
        yield in_source(
            source,
            one.node,
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
        yield in_source(
            source,
            one.node,
            "import-name-missing",
            f"The module {one.module!r} has no {one.name!r}.",
            f"{guess} Define it there, or correct the import.".strip(),
        )


def _check_library(
    subject: Subject,
    source: Source,
    one: Import,
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
        return in_source(
            source,
            one.node,
            "undeclared-requirement",
            f"{top!r} is installed here, but the plugin does not ask for it.",
            f"Add {distribution!r} to {requirements.file}.",
            severity=Severity.WARNING,
        )
    if one.is_optional:
        return None
    if requirements.installs(top):
        return None  # before the plugin is executed; whether that works, its import tells
    return in_source(
        source,
        one.node,
        "missing-requirement",
        f"{top!r} is not installed, and the plugin does not ask for it.",
        f"Add {distribution!r} to {requirements.file}; it is installed when the plugin runs.",
    )

"""Looks for names that hide others."""

import ast
import sys
from collections.abc import Iterator, Sequence

from synapse_core.checks.requirements import find_installed
from synapse_core.checks.subject import Subject, in_source
from synapse_core.discovery.imports import Scope
from synapse_core.discovery.sources import Source
from synapse_core.discovery.symbols import Definition
from synapse_core.model.plugin import Diagnostic, Severity

__all__ = ["check_shadowed_modules", "check_shadowed_names", "hides_what_is_needed"]

_NEEDED = frozenset(
    {"annotated_types", "psutil", "pydantic", "pydantic_core", "synapse_core", "yaml"}
    | {"typing_extensions", "typing_inspection"}
)
"""What the runtime imports in a worker."""


def hides_what_is_needed(module: str) -> bool:
    """Whether others import a module of this name, so that the plugin's own may not be reached."""
    return module in sys.stdlib_module_names or module in _NEEDED


def check_shadowed_modules(subject: Subject, sources: Sequence[Source]) -> Iterator[Diagnostic]:
    """Yield modules at the top of a plugin that stand before others of the same name."""
    tops: dict[str, Source] = {}
    for source in sources:
        name = source.module.partition(".")[0]
        is_top = source.module == name and bool(name)
        if is_top and name in tops:
            yield _module(
                source,
                "ambiguous-module",
                f"{tops[name].path} and {source.path} are both the module {name!r}; Python takes "
                "the folder.",
                "Rename or remove one of them.",
            )
        elif is_top:
            tops[name] = source
    for name, source in tops.items():
        if name in sys.stdlib_module_names:
            yield _module(
                source,
                "shadows-stdlib",
                f"The module {name!r} stands before Python's own of this name, which others "
                "import.",
                f"Rename it, for example to my_{name}.",
            )
        elif name in _NEEDED or (name != subject.prefix and find_installed(name, subject.folder)):
            yield _module(
                source,
                "shadows-library",
                f"The module {name!r} stands before the installed library of this name.",
                f"Rename it, for example to my_{name}.",
            )


def check_shadowed_names(subject: Subject, sources: Sequence[Source]) -> Iterator[Diagnostic]:
    """Yield classes and functions that are defined twice in a module, so that one is lost."""
    for source in sources:
        imported: dict[str, int] = {
            one.bound: one.line
            for one in subject.symbols.imports(source.module)
            if one.scope is Scope.MODULE and not one.is_optional and one.bound
        }
        first = dict(imported)
        for definition in subject.symbols.definitions(source.module):
            name, node = definition.name, definition.node
            if _may_repeat(definition):
                continue
            if name in first and first[name] < node.lineno:
                yield in_source(
                    source,
                    node,
                    "shadowed-name",
                    f"{name!r} of line {first[name]} is defined again here, and lost.",
                    "Rename one of them, or remove it.",
                    severity=Severity.ERROR
                    if name in imported and _is_used_as_module(source, name)
                    else Severity.WARNING,
                )
            first[name] = node.lineno


def _is_used_as_module(source: Source, name: str) -> bool:
    """Whether attributes are taken from the name, which a class or function has not."""
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
        for node in ast.walk(source.tree)
    )


def _may_repeat(definition: Definition) -> bool:
    """Whether the definition belongs to another one of the same name, or is one of a choice."""
    node = definition.node
    if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return True
    words = " ".join(ast.unparse(one) for one in node.decorator_list)
    is_joined = any(word in words for word in ("overload", "register", ".setter", "dispatch"))
    return is_joined or not definition.is_certain or definition.name == "_"


def _module(source: Source, code: str, message: str, fix: str) -> Diagnostic:
    return Diagnostic(
        code=code,
        message=message,
        severity=Severity.WARNING,
        file=source.path,
        line=1,
        fix=fix,
    )

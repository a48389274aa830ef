"""Finds what a module imports, and under which conditions."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from synapse_core.discovery.sources import Source

__all__ = ["Import", "Scope", "find_imports"]


class Scope(StrEnum):
    """When an import is executed."""

    MODULE = "module"
    FUNCTION = "function"


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, or one name imported from it.

    Attributes:
        module: Absolute dotted name; empty when a relative import leads out of the plugin.
        name: What is taken from the module; empty for the module itself, `*` for all of it.
        bound: Name that it gets in the importing module; empty for `*`.
        scope: When it is executed.
        is_optional: Whether the module expects that it may fail, or may not be reached.
        line: Where it stands, from 1.
        column: Where it stands, from 1.
        is_relative: Whether it begins with a dot.
        function: Outermost function that it stands in; empty at the top of a module or class.
    """

    module: str
    name: str
    bound: str
    scope: Scope
    is_optional: bool
    line: int
    column: int
    is_relative: bool
    function: str = ""


def find_imports(source: Source) -> list[Import]:
    """Return every import of a module but those that only type checkers see."""
    return list(_walk(source, source.tree.body, Scope.MODULE, is_optional=False))


def _walk(
    source: Source, body: list[ast.stmt], scope: Scope, *, is_optional: bool
) -> Iterator[Import]:
    for node in body:
        match node:
            case ast.Import():
                yield from _plain(node, scope, is_optional=is_optional)
            case ast.ImportFrom():
                yield from _from(source, node, scope, is_optional=is_optional)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                for one in _walk(source, node.body, Scope.FUNCTION, is_optional=is_optional):
                    yield replace(one, function=node.name)
            case ast.If():
                if not _is_type_checking(node.test):
                    yield from _walk(source, node.body, scope, is_optional=True)
                yield from _walk(source, node.orelse, scope, is_optional=True)
            case ast.Try() | ast.TryStar():
                expects = is_optional or _expects_import_error(node)
                yield from _walk(source, node.body, scope, is_optional=expects)
                for handler in node.handlers:
                    yield from _walk(source, handler.body, scope, is_optional=True)
                yield from _walk(source, node.orelse, scope, is_optional=is_optional)
                yield from _walk(source, node.finalbody, scope, is_optional=is_optional)
            case _:
                yield from _inside(source, node, scope, is_optional=is_optional)


def _inside(source: Source, node: ast.stmt, scope: Scope, *, is_optional: bool) -> Iterator[Import]:
    match node:
        case ast.ClassDef() | ast.With() | ast.AsyncWith():
            yield from _walk(source, node.body, scope, is_optional=is_optional)
        case ast.For() | ast.AsyncFor() | ast.While():
            yield from _walk(source, node.body, scope, is_optional=True)
            yield from _walk(source, node.orelse, scope, is_optional=True)
        case ast.Match():
            for case in node.cases:
                yield from _walk(source, case.body, scope, is_optional=True)
        case _:
            pass


def _plain(node: ast.Import, scope: Scope, *, is_optional: bool) -> Iterator[Import]:
    for alias in node.names:
        bound = alias.asname or alias.name.partition(".")[0]
        yield Import(
            module=alias.name,
            name="",
            bound=bound,
            scope=scope,
            is_optional=is_optional,
            line=node.lineno,
            column=node.col_offset + 1,
            is_relative=False,
        )


def _from(
    source: Source, node: ast.ImportFrom, scope: Scope, *, is_optional: bool
) -> Iterator[Import]:
    for alias in node.names:
        yield Import(
            module=_absolute(source, node),
            name=alias.name,
            bound="" if alias.name == "*" else alias.asname or alias.name,
            scope=scope,
            is_optional=is_optional,
            line=node.lineno,
            column=node.col_offset + 1,
            is_relative=node.level > 0,
        )


def _absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = source.package.split(".") if source.package else []
    if node.level > len(package):
        return ""
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def _expects_import_error(node: ast.Try | ast.TryStar) -> bool:
    caught = [
        part
        for handler in node.handlers
        for part in ([] if handler.type is None else _parts(handler.type))
    ]
    has_bare = any(handler.type is None for handler in node.handlers)
    expected = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
    return has_bare or any(ast.unparse(part) in expected for part in caught)


def _parts(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]

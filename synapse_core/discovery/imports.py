"""Finds what a module imports, and under which conditions."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from synapse_core.discovery.sources import Source

__all__ = ["Import", "Scope", "find_imports", "find_top_imports"]


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
        node: The statement.
        scope: When it is executed.
        is_optional: Whether the module expects that it may fail, or may not be reached.
        function: Outermost function that it stands in; empty at the top of a module or class.
    """

    module: str
    name: str
    bound: str
    node: ast.Import | ast.ImportFrom
    scope: Scope
    is_optional: bool
    function: str

    @property
    def line(self) -> int:
        """Where it stands, from 1."""
        return self.node.lineno

    @property
    def is_relative(self) -> bool:
        """Whether it begins with a dot."""
        return isinstance(self.node, ast.ImportFrom) and self.node.level > 0


def find_imports(source: Source) -> list[Import]:
    """Return every import of a module but those that only type checkers see."""
    return list(_walk(source, source.tree.body))


def find_top_imports(source: Source) -> list[Import]:
    """Return the imports that bind names of the module; functions are not looked into."""
    code = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    outside = [node for node in source.tree.body if not isinstance(node, code)]
    return [one for one in _walk(source, outside) if one.scope is Scope.MODULE]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a statement stands."""

    scope: Scope = Scope.MODULE
    is_optional: bool = False
    function: str = ""


def _walk(source: Source, body: list[ast.stmt]) -> Iterator[Import]:
    # Without recursion: long chains of `elif` nest deeper than Python's stack.
    waiting = [(node, _Place()) for node in reversed(body)]
    while waiting:
        node, place = waiting.pop()
        match node:
            case ast.Import():
                yield from _plain(node, place)
            case ast.ImportFrom():
                yield from _from(source, node, place)
            case _:
                waiting += reversed([*_inside(node, place)])


def _inside(node: ast.stmt, place: _Place) -> Iterator[tuple[ast.stmt, _Place]]:
    """Yield the statements inside another one, and where they stand."""
    optional = replace(place, is_optional=True)
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            called = replace(place, scope=Scope.FUNCTION, function=place.function or name)
            yield from ((one, called) for one in node.body)
        case ast.If(body=body, orelse=orelse):
            seen = [*([] if _is_type_checking(node.test) else body), *orelse]
            yield from ((one, optional) for one in seen)
        case ast.Try(handlers=handlers) | ast.TryStar(handlers=handlers):
            tried = optional if _expects_import_error(node) else place
            yield from ((one, tried) for one in node.body)
            yield from ((one, optional) for handler in handlers for one in handler.body)
            yield from ((one, place) for one in (*node.orelse, *node.finalbody))
        case ast.ClassDef(body=body) | ast.With(body=body) | ast.AsyncWith(body=body):
            yield from ((one, place) for one in body)
        case ast.For() | ast.AsyncFor() | ast.While():
            yield from ((one, optional) for one in (*node.body, *node.orelse))
        case ast.Match(cases=cases):
            yield from ((one, optional) for case in cases for one in case.body)
        case _:
            pass


def _plain(node: ast.Import, place: _Place) -> Iterator[Import]:
    for alias in node.names:
        yield Import(
            module=alias.name,
            name="",
            bound=alias.asname or alias.name.partition(".")[0],
            node=node,
            scope=place.scope,
            is_optional=place.is_optional,
            function=place.function,
        )


def _from(source: Source, node: ast.ImportFrom, place: _Place) -> Iterator[Import]:
    for alias in node.names:
        yield Import(
            module=_absolute(source, node),
            name=alias.name,
            bound="" if alias.name == "*" else alias.asname or alias.name,
            node=node,
            scope=place.scope,
            is_optional=place.is_optional,
            function=place.function,
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

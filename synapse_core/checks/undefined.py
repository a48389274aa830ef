"""Looks for names that nothing defines; Python tells them only when it comes to the line."""

import ast
import builtins
import symtable
from collections.abc import Iterator, Sequence

from synapse_core.checks.subject import in_source
from synapse_core.checks.uses import Uses
from synapse_core.discovery.sources import Source
from synapse_core.errors import nearest
from synapse_core.model.plugin import Diagnostic

__all__ = ["check_undefined"]

_OF_MODULES = frozenset(
    {"__annotations__", "__builtins__", "__cached__", "__doc__", "__file__", "__loader__"}
    | {"__name__", "__package__", "__path__", "__spec__"}
)
_OF_CLASSES = frozenset({"__module__", "__qualname__", "__class__", "self"})
"""`self` is missing where a method does not take it, which is told as that."""

_MAKERS = frozenset({"exec", "eval", "globals", "vars", "setattr"})
"""What may define names that cannot be read in the source."""


def check_undefined(sources: Sequence[Source], uses: Uses) -> Iterator[Diagnostic]:
    """Yield the first mention of each such name in a function; importing tells of the others.

    Args:
        sources: What is imported when an action runs.
        uses: What of them may be executed.
    """
    for source in sources:
        names = _find_undefined(source)
        if names:
            yield from _locate(source, names, uses)


def _find_undefined(source: Source) -> frozenset[str]:
    try:
        table = symtable.symtable(source.content, source.path, "exec")  # pyright: ignore[reportArgumentType] - it takes bytes as `compile` does, which the stubs leave out
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()  # told elsewhere
    bound = {
        one.get_name() for one in table.get_symbols() if one.is_assigned() or one.is_imported()
    }
    bound |= {one.get_name() for one in table.get_symbols() if one.is_namespace()}
    wanted: set[str] = set()
    waiting = [table]
    while waiting:
        scope = waiting.pop()
        waiting += scope.get_children()
        for one in scope.get_symbols():
            name = one.get_name()
            if one.is_global() and one.is_assigned():  # by `global name` in a function
                bound.add(name)
            elif one.is_referenced() and (one.is_global() or scope is table):
                wanted.add(name)
    missing = {name for name in wanted - bound if not hasattr(builtins, name)}
    if not missing or wanted & _MAKERS or _has_star(source):
        return frozenset()
    return frozenset(missing) - _OF_MODULES - _OF_CLASSES


def _has_star(source: Source) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        for node in ast.walk(source.tree)
    )


def _locate(source: Source, names: frozenset[str], uses: Uses) -> Iterator[Diagnostic]:
    known = sorted({one.id for one in ast.walk(source.tree) if isinstance(one, ast.Name)} - names)
    told: set[str] = set()
    for node, function in _each_name(source.tree):
        if function and node.id in names and node.id not in told:
            told.add(node.id)
            yield in_source(
                source,
                node,
                "undefined-name",
                f"The name {node.id!r} is not defined.",
                f"{nearest(node.id, known)} Define or import it, or correct the name.".strip(),
                severity=uses.weigh(source, node.lineno, function),
            )


def _each_name(tree: ast.Module) -> Iterator[tuple[ast.Name, str]]:
    """Yield the names that are read, in order, and the outermost function of each.

    Annotations are left out: in functions, nobody reads them.
    """
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, function = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node, function
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = function or node.name
        waiting += [(inner, function) for inner in reversed(_executed(node))]


def _executed(node: ast.AST) -> list[ast.AST]:
    """Return what of a node is executed, and not made to expect names that are not there."""
    match node:
        case ast.AnnAssign(target=target, value=value):
            return [target] if value is None else [target, value]
        case ast.FunctionDef(body=body, args=args) | ast.AsyncFunctionDef(body=body, args=args):
            return [*args.defaults, *(one for one in args.kw_defaults if one), *body]
        case ast.Try(body=body) if any(_expects_missing(one) for one in node.handlers):
            return [one for one in ast.iter_child_nodes(node) if one not in body]
        case _:
            return [*ast.iter_child_nodes(node)]


def _expects_missing(handler: ast.ExceptHandler) -> bool:
    caught = "" if handler.type is None else ast.unparse(handler.type)
    return any(name in caught for name in ("NameError", "Exception")) or not caught

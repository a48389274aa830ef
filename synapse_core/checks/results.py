"""Looks whether an action can return what it promises."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synapse_core.checks.models import is_model, say
from synapse_core.checks.subject import CodeNode, in_source
from synapse_core.discovery.sources import Source
from synapse_core.discovery.symbols import Symbol, Symbols
from synapse_core.model.plugin import Diagnostic, Severity

__all__ = ["Promise", "check_result", "own_nodes"]

_COERCED = frozenset({"dict", "Any", "object", "Mapping", "JSONObject", "Self"})
"""Names of types whose values may become the model."""

_SCALARS = frozenset({"int", "float", "str", "bool", "bytes", "list", "tuple", "set", "None"})


@dataclass(frozen=True, slots=True)
class Promise:
    """A result model that an action declares.

    Attributes:
        symbol: What it is.
        where: The expression that names it.
        source: The module of that expression.
    """

    symbol: Symbol | None
    where: ast.expr
    source: Source


def check_result(
    symbols: Symbols,
    promise: Promise,
    body_source: Source,
    body: ast.FunctionDef | ast.AsyncFunctionDef,
) -> Iterator[Diagnostic]:
    """Yield how the promised model and what the body returns differ."""
    if promise.symbol is not None and is_model(symbols, promise.symbol) is False:
        yield in_source(
            promise.source,
            promise.where,
            "result-not-a-model",
            f"The result model is {say(promise.symbol)}, which is no pydantic model.",
            "Derive it from pydantic.BaseModel, or leave it out.",
        )
        return
    shown = ast.unparse(promise.where)
    never = _never_returns_it(body)
    if never is not None:
        node, what = never
        yield in_source(
            body_source,
            node,
            "result-mismatch",
            f"{body.name} promises {shown}, but returns {what}.",
            f"Return {shown}(…) or a dict with its fields.",
        )
        return
    if body.returns is not None and _differs(symbols, promise, body_source, body.returns):
        yield in_source(
            body_source,
            body.returns,
            "result-mismatch",
            f"The result model is {shown}, but {body.name} is annotated to return "
            f"{ast.unparse(body.returns)}.",
            f"Annotate it with {shown}, or name the other model.",
            severity=Severity.WARNING,
        )


def own_nodes(body: CodeNode) -> Iterator[ast.AST]:
    """Yield the nodes of a function or class but not those of functions and classes inside it."""
    waiting: list[ast.AST] = [*reversed(body.body)]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += reversed([*ast.iter_child_nodes(node)])


def _never_returns_it(
    body: ast.FunctionDef | ast.AsyncFunctionDef,
) -> tuple[ast.stmt, str] | None:
    """Return a place and what is returned there, when no path can return a model."""
    nodes = list(own_nodes(body))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes):
        return None
    returns = [node for node in nodes if isinstance(node, ast.Return)]
    if not returns:
        return (body, "nothing") if _reaches_end(body.body) else None
    if all(node.value is None or isinstance(node.value, ast.Constant) for node in returns):
        value = returns[0].value
        return returns[0], ast.unparse(value) if value is not None else "nothing"
    return None


def _reaches_end(statements: Sequence[ast.stmt]) -> bool:
    """Whether control can plainly fall out of the block; in doubt it cannot."""
    last = statements[-1]
    if isinstance(last, ast.Raise | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.Match):
        return False
    if isinstance(last, ast.If):
        return _reaches_end(last.body) or not last.orelse or _reaches_end(last.orelse)
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant):
        return last.value.value is not Ellipsis  # a docstring alone; `...` is left to be written
    # A call may be one that never returns, such as sys.exit().
    return not (isinstance(last, ast.Expr) and isinstance(last.value, ast.Call))


def _differs(symbols: Symbols, promise: Promise, source: Source, annotation: ast.expr) -> bool:
    """Whether the annotation plainly names something else than the model."""
    if isinstance(annotation, ast.BinOp):
        return all(
            _differs(symbols, promise, source, side) for side in (annotation.left, annotation.right)
        )
    found = symbols.resolve(source, annotation)
    if found is None or promise.symbol is None or found.name == promise.symbol.name:
        return False
    if found.name.startswith("builtins."):
        return say(found) in _SCALARS
    if say(found) in _COERCED:
        return False
    return is_model(symbols, found) is True and not _derives(symbols, found, promise.symbol)


def _derives(symbols: Symbols, symbol: Symbol, base: Symbol) -> bool:
    """Whether the class has the base, at any distance that can be seen."""
    waiting = [symbol]
    for _ in range(20):
        if not waiting:
            return False
        one = waiting.pop()
        if one.name == base.name:
            return True
        if isinstance(one.node, ast.ClassDef) and one.source is not None:
            found = [symbols.resolve(one.source, expression) for expression in one.node.bases]
            if None in found:
                return True  # what is not known is not accused
            waiting += [parent for parent in found if parent is not None]
    return True

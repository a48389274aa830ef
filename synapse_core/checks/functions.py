"""Looks at actions that are functions."""

import ast
from collections.abc import Iterator

from synapse_core.checks.models import check_model, is_model, say
from synapse_core.checks.results import Promise, check_result, own_nodes
from synapse_core.checks.subject import ActionCode, in_source
from synapse_core.discovery.symbols import Symbols
from synapse_core.model.plugin import Diagnostic, Severity

__all__ = ["check_function"]

_GIVEN = 2
"""Arguments of a function whose decorator names a model: params and context."""


def check_function(symbols: Symbols, code: ActionCode) -> Iterator[Diagnostic]:
    """Yield what is wrong with a function that is an action."""
    if isinstance(code.node, ast.ClassDef):
        return
    given = _arguments(code.decorator)
    if "params" in given:
        yield from _check_params(symbols, code, code.node, given["params"])
    promised = given.get("result")
    if promised is not None and ast.unparse(promised) != "None":
        promise = Promise(symbols.resolve(code.source, promised), promised, code.source)
        yield from check_result(symbols, promise, code.source, code.node)
    yield from _check_body(code, code.node)
    yield from _check_name(code, code.node, given.get("name"))


def _arguments(decorator: ast.expr | None) -> dict[str, ast.expr]:
    if not isinstance(decorator, ast.Call):
        return {}
    given = {one.arg: one.value for one in decorator.keywords if one.arg}
    # In the order of the decorator: name, description, params, result, category.
    for name, value in zip(
        ("name", "description", "params", "result"), decorator.args, strict=False
    ):
        given.setdefault(name, value)
    return given


def _check_params(
    symbols: Symbols,
    code: ActionCode,
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    expression: ast.expr,
) -> Iterator[Diagnostic]:
    symbol = symbols.resolve(code.source, expression)
    if symbol is None:
        return
    if ast.unparse(expression) != "None" and is_model(symbols, symbol) is False:
        yield in_source(
            code.source,
            expression,
            "params-not-a-model",
            f"The params of {function.name} are {say(symbol)}, which is no pydantic model.",
            "Name a pydantic.BaseModel, or leave `params` out and give each param a type.",
        )
        return
    yield from check_model(symbols, symbol)
    positional = [*function.args.posonlyargs, *function.args.args]
    if len(positional) - len(function.args.defaults) > _GIVEN or not positional:
        yield in_source(
            code.source,
            function,
            "function-signature",
            f"{function.name} takes {len(positional)} arguments, but is called with params and "
            "context.",
            f"Write `def {function.name}(params: {say(symbol)}, context: RuntimeContext)`.",
        )
        return
    first = positional[0].annotation
    annotated = symbols.resolve(code.source, first) if first is not None else None
    if (
        annotated is not None
        and annotated.name != symbol.name
        and is_model(symbols, annotated)
        and is_model(symbols, symbol)
    ):
        yield in_source(
            code.source,
            positional[0],
            "params-mismatch",
            f"{function.name} is given {say(symbol)}, but annotates {say(annotated)}.",
            "Name the same model in the decorator and in the signature.",
            severity=Severity.WARNING,
        )


def _check_body(
    code: ActionCode, function: ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[Diagnostic]:
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own_nodes(function)):
        yield in_source(
            code.source,
            function,
            "execute-yields",
            f"{function.name} has a yield, so calling it runs nothing and returns a generator.",
            "Return the result; report what comes in between with context.log or set_metrics.",
        )


def _check_name(
    code: ActionCode,
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    stated: ast.expr | None,
) -> Iterator[Diagnostic]:
    declared = code.action.spec.name
    if isinstance(stated, ast.Constant) and stated.value not in {declared, None}:
        yield in_source(
            code.source,
            stated,
            "name-mismatch",
            f"{function.name} calls itself {stated.value!r}, config.yaml says {declared!r}.",
            "Use one name in both places; config.yaml decides.",
            severity=Severity.WARNING,
        )

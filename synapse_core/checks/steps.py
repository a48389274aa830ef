"""Looks at the steps that an action registers."""

import ast
from collections.abc import Iterator

from synapse_core.checks.models import say
from synapse_core.checks.results import own_nodes
from synapse_core.checks.subject import ActionCode, in_source
from synapse_core.discovery.sources import Source
from synapse_core.discovery.symbols import Symbol, Symbols
from synapse_core.model.plugin import Diagnostic

__all__ = ["check_steps", "registers_nothing"]

_BASES = frozenset({"synapse_core.BaseStep", "synapse_core.steps.BaseStep"})
_NEEDED = ("name", "progress_weight", "execute")
"""What a step must have."""

_MOST_BASES = 20


def check_steps(
    symbols: Symbols, code: ActionCode, source: Source, setup: ast.FunctionDef
) -> Iterator[Diagnostic]:
    """Yield what keeps the steps of an action from being made and registered.

    Args:
        symbols: The names of the plugin's source.
        code: The action.
        source: The module of its `setup_steps`.
        setup: Its `setup_steps`.
    """
    told: set[str] = set()
    for node in own_nodes(setup):
        symbol = symbols.resolve(source, node.func) if isinstance(node, ast.Call) else None
        if symbol is None or symbol.source is None or symbol.name in told:
            continue
        lacks = _find_lacking(symbols, symbol)
        if lacks and symbol.node is not None:
            told.add(symbol.name)
            yield in_source(
                symbol.source,
                symbol.node,
                "step-incomplete",
                f"The step {say(symbol)} lacks {', '.join(lacks)}, so {code.node.name} cannot "
                "make it.",
                "Add what is missing: `name` and `progress_weight` are properties, "
                "`execute(self, context)` returns a StepResult.",
            )
    yield from _check_doubles(symbols, source, setup)


def registers_nothing(setup: ast.FunctionDef) -> bool:
    """Whether the method never touches the registry."""
    names = [argument.arg for argument in setup.args.args[1:2]]
    return (
        bool(names)
        and not any(isinstance(node, ast.Name) and node.id in names for node in own_nodes(setup))
        and not any(isinstance(node, ast.Name) and node.id == "super" for node in own_nodes(setup))
    )


def _check_doubles(
    symbols: Symbols, source: Source, setup: ast.FunctionDef
) -> Iterator[Diagnostic]:
    """Yield steps of one class, and so of one name, that are registered one after the other."""
    seen: set[str] = set()
    for statement in setup.body:
        match statement:
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(attr="register"),
                    args=[ast.Call(func=called, args=[], keywords=[])],
                )
            ):
                symbol = symbols.resolve(source, called)
            case _:
                continue
        if symbol is None or symbol.source is None or not isinstance(symbol.node, ast.ClassDef):
            continue
        if symbol.name in seen and not _find_lacking(symbols, symbol) and _has_fixed_name(symbol):
            yield in_source(
                source,
                statement,
                "step-twice",
                f"The step {say(symbol)} is registered already, and names must differ.",
                "Register it once, or give it its name when it is made.",
            )
        seen.add(symbol.name)


def _has_fixed_name(symbol: Symbol) -> bool:
    """Whether every step of the class has the same name."""
    node = symbol.node
    for statement in node.body if isinstance(node, ast.ClassDef) else []:
        match statement:
            case ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant()):
                return True
            case ast.FunctionDef(name="name", body=[*_, ast.Return(value=ast.Constant())]):
                return True
            case _:
                pass
    return False


def _find_lacking(symbols: Symbols, step: Symbol) -> list[str]:
    """Return what a step must have and no class of it gives; empty when that is not known."""
    if not isinstance(step.node, ast.ClassDef) or step.source is None:
        return []
    waiting, seen = [(step.source, step.node)], 0
    lacking: list[str] = [*_NEEDED]
    is_step = False
    while waiting and seen < _MOST_BASES:
        where, current = waiting.pop()
        seen += 1
        given = {name for statement in current.body for name in _bound_names(statement)}
        lacking = [name for name in lacking if name not in given]
        for base in current.bases:
            symbol = symbols.resolve(where, base)
            if symbol is not None and isinstance(symbol.node, ast.ClassDef) and symbol.source:
                waiting.append((symbol.source, symbol.node))
            elif symbol is not None and symbol.name in _BASES:
                is_step = True
            elif symbol is None or not symbol.name.startswith(("typing.", "abc.", "builtins.")):
                return []
    return lacking if is_step else []


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a class gives a value; an abstract method gives none."""
    match statement:
        case (
            ast.FunctionDef(name=name, decorator_list=decorators)
            | ast.AsyncFunctionDef(name=name, decorator_list=decorators)
        ):
            if not any("abstract" in ast.unparse(one) for one in decorators):
                yield name
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            yield name
        case _:
            pass

"""Looks whether each entrypoint leads to an action."""

import ast
from collections import defaultdict
from collections.abc import Iterator

from synapse_core.checks.subject import (
    ActionCode,
    CheckedAction,
    Subject,
    in_manifest,
)
from synapse_core.discovery.sources import Source
from synapse_core.discovery.symbols import Symbol, Symbols
from synapse_core.errors import nearest
from synapse_core.model.plugin import Diagnostic, Severity
from synapse_core.plugins.layout import split_entrypoint

__all__ = ["check_entrypoints", "find_code", "is_action_base"]

_BASES = frozenset({"synapse_core.BaseAction", "synapse_core.actions.base.BaseAction"})
_DECORATORS = frozenset({"synapse_core.action", "synapse_core.actions.decorator.action"})
_NO_ACTIONS = ("builtins.", "typing.", "abc.", "collections.", "enum.", "pydantic.")
"""What is known to hold no base of an action."""

_MOST_BASES = 20


def find_code(subject: Subject, action: CheckedAction) -> ActionCode | Diagnostic | None:
    """Return the code of an action, a finding when there is none, or None when it is unknown."""
    if not action.spec.entrypoint:
        return in_manifest(
            action,
            "entrypoint-missing",
            f"The action {action.spec.name!r} has no entrypoint, and no action in the source has "
            "its name.",
            "Add a line such as `entrypoint: package.module:ClassAction`.",
        )
    module, name = split_entrypoint(action.spec.entrypoint)
    symbols = subject.symbols
    source = symbols.source(module)
    if symbols.is_broken(module):
        return None
    if source is None:
        return _missing_module(subject, action, module)
    symbol = symbols.find(module, name)
    if symbol is None:
        return (
            None if symbols.is_open(module) else _missing_attribute(symbols, action, module, name)
        )
    if symbol.source is None or symbol.node is None:
        return None
    return _classify(symbols, action, symbol.source, symbol.node)


def check_entrypoints(subject: Subject) -> Iterator[Diagnostic]:
    """Yield what is wrong with the set of actions as a whole."""
    if not subject.actions:
        yield Diagnostic(
            code="no-actions",
            message="The plugin has no actions, so nothing of it can be run.",
            file="config.yaml",
            line=1,
            fix="Declare one below `actions`, or add one with `synapse plugin add-action`.",
        )
    by_entrypoint: dict[tuple[str, str], list[CheckedAction]] = defaultdict(list)
    for action in subject.actions:
        if not action.spec.entrypoint:
            continue
        by_entrypoint[split_entrypoint(action.spec.entrypoint)].append(action)
    for same in by_entrypoint.values():
        for double in same[1:]:
            first = same[0].spec.name
            yield in_manifest(
                double,
                "duplicate-entrypoint",
                f"The actions {first!r} and {double.spec.name!r} have the same entrypoint.",
                "Keep one of them, or name another class or function.",
                severity=Severity.WARNING,
            )


def _missing_module(subject: Subject, action: CheckedAction, module: str) -> Diagnostic | None:
    known = subject.symbols.modules
    top = module.partition(".")[0]
    is_ours = any(name.partition(".")[0] == top for name in known)
    if subject.symbols.is_module(module):  # a folder without __init__.py has no attributes
        message = f"{module} is a folder of modules, not a module."
    else:
        message = f"There is no module {module!r} in this plugin."
    guess = nearest(module, known)
    if not guess and not is_ours and known:
        guess = f"Its modules: {', '.join(known[:8])}."
    expected = module.replace(".", "/") + ".py"
    return in_manifest(
        action,
        "module-missing",
        message,
        f"{guess} Make the file {expected}, or correct the entrypoint.".strip(),
    )


def _missing_attribute(
    symbols: Symbols, action: CheckedAction, module: str, name: str
) -> Diagnostic:
    names = [one for one in symbols.names(module) if not one.startswith("_")]
    return in_manifest(
        action,
        "attribute-missing",
        f"The module {module!r} has no {name!r}.",
        f"{nearest(name, names)} Name a class or function of that module.".strip(),
    )


def _classify(
    symbols: Symbols, action: CheckedAction, source: Source, node: ast.stmt
) -> ActionCode | Diagnostic | None:
    match node:
        case ast.ClassDef():
            return _classify_class(symbols, action, source, node)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return _classify_function(symbols, action, source, node)
        case ast.Assign(value=value) | ast.AnnAssign(value=value):
            if isinstance(value, ast.Constant | ast.Dict | ast.List | ast.Tuple | ast.Set):
                return _no_action(action, "a value")
        case _:
            pass
    return None


def _classify_class(
    symbols: Symbols, action: CheckedAction, source: Source, node: ast.ClassDef
) -> ActionCode | Diagnostic | None:
    chain: list[tuple[Source, ast.ClassDef]] = []
    waiting: list[tuple[Source, ast.ClassDef]] = [(source, node)]
    base, is_known = "", True
    while waiting and len(chain) < _MOST_BASES:
        where, current = waiting.pop(0)
        chain.append((where, current))
        for expression in current.bases:
            symbol = symbols.resolve(where, expression)
            if symbol is not None and isinstance(symbol.node, ast.ClassDef) and symbol.source:
                waiting.append((symbol.source, symbol.node))
            elif symbol is None or symbol.node is not None:
                is_known = False
            elif is_action_base(symbol):
                base = symbol.name
            elif not symbol.name.startswith(_NO_ACTIONS):
                is_known = False
    if base or not is_known:
        return ActionCode(action=action, source=source, node=node, chain=tuple(chain), base=base)
    return _no_action(action, "a class that does not derive from BaseAction")


def is_action_base(symbol: Symbol) -> bool:
    """Whether the name stands for a class of ours that actions derive from."""
    return symbol.name in _BASES or (
        symbol.name.startswith("synapse_core.") and symbol.name.endswith(("Action", "Deployment"))
    )


def _classify_function(
    symbols: Symbols,
    action: CheckedAction,
    source: Source,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
) -> ActionCode | Diagnostic | None:
    unknown = False
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        symbol = symbols.resolve(source, called)
        if symbol is not None and symbol.name in _DECORATORS:
            return ActionCode(action=action, source=source, node=node, decorator=decorator)
        unknown = unknown or symbol is None or not symbol.name.startswith("builtins.")
    return None if unknown else _no_action(action, "a function without @action")


def _no_action(action: CheckedAction, what: str) -> Diagnostic:
    return in_manifest(
        action,
        "not-an-action",
        f"The entrypoint {action.spec.entrypoint!r} names {what}.",
        "Name a subclass of synapse_core.BaseAction, or a function with @synapse_core.action.",
    )

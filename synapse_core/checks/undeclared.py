"""Looks for actions in the source that `config.yaml` does not name."""

import ast
from collections.abc import Collection, Iterator, Sequence

from synapse_core.checks.entrypoints import classify
from synapse_core.checks.sources import Source
from synapse_core.checks.subject import ActionCode, CheckedAction, Subject, in_source
from synapse_core.model.plugin import ActionSpec, Diagnostic, Severity
from synapse_core.plugins.names import derive_action_name

__all__ = ["check_undeclared"]

_BODIES = frozenset({"execute", "setup_steps"})
"""Methods that make a class more than a base for others."""


def check_undeclared(
    subject: Subject,
    sources: Sequence[Source],
    codes: Sequence[ActionCode],
    missing: Collection[str],
) -> Iterator[Diagnostic]:
    """Yield actions that stand in the source only.

    Args:
        subject: The plugin.
        sources: Its modules.
        codes: The code that the entrypoints lead to.
        missing: Names of actions whose entrypoint leads nowhere: they are told already, and what
            was meant may be among what is found here.
    """
    declared = {id(code.node) for code in codes if code.action.is_declared}
    taken = {action.spec.name for action in subject.actions if action.is_declared}
    found = list(_find(subject, sources))
    bases = {id(node) for code in found for _, node in code.chain[1:]}
    for code in found:
        name = code.action.spec.name
        if id(code.node) in declared | bases or name in missing:
            continue
        entrypoint = code.action.spec.entrypoint
        yield in_source(
            code.source,
            code.node,
            "undeclared-action",
            f"config.yaml does not declare the action {code.node.name}.",
            f"Give `{name}` the entrypoint {entrypoint}, if that is meant; or remove it."
            if name in taken
            else f"Declare it below `actions`: `{name}: {{entrypoint: {entrypoint}}}`.",
            severity=Severity.INFO,
        )


def _find(subject: Subject, sources: Sequence[Source]) -> Iterator[ActionCode]:
    symbols = subject.symbols
    for source in sources:
        if not source.module:
            continue
        for definition in symbols.definitions(source.module):
            node = definition.node
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            entrypoint = f"{source.module}:{node.name}"
            spec = ActionSpec(name=_name(node), entrypoint=entrypoint)
            code = classify(symbols, CheckedAction(spec=spec, is_declared=False), source, node)
            if isinstance(code, ActionCode) and _is_whole(code):
                yield code


def _is_whole(code: ActionCode) -> bool:
    """Whether it is plainly an action, and no base for others."""
    if not isinstance(code.node, ast.ClassDef):
        return code.decorator is not None
    return bool(code.base) and any(
        isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name in _BODIES
        for _, node in code.chain
        for statement in node.body
    )


def _name(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return the name that the action gives itself, else one made of its definition's."""
    if isinstance(node, ast.ClassDef):
        for statement in node.body:
            match statement:
                case ast.Assign(
                    targets=[ast.Name(id="action_name")], value=ast.Constant(value=str(name))
                ):
                    return name
                case _:
                    pass
        return derive_action_name(node.name)
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call):
            for keyword in decorator.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
    return node.name

"""What is looked at: a plugin's declarations beside its source."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from synapse_core.discovery.sources import Source
from synapse_core.discovery.symbols import Symbols
from synapse_core.model.plugin import ActionSpec, Diagnostic, Severity
from synapse_core.plugins.layout import MANIFEST

__all__ = [
    "ActionCode",
    "CheckedAction",
    "CodeNode",
    "Subject",
    "in_manifest",
    "in_source",
]

CodeNode: TypeAlias = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAction:
    """An action of the plugin, and where `config.yaml` says so.

    Attributes:
        spec: What is known of it.
        is_declared: Whether `config.yaml` names it; else it was found in the source.
        line: Line of its entrypoint in `config.yaml`; 0 when it has none there.
        column: Column there.
    """

    spec: ActionSpec
    is_declared: bool
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A plugin as its files describe it.

    Attributes:
        folder: Its folder.
        code: Its code.
        actions: Declared actions first, then those that were only found.
        symbols: The names of its source.
        prefix: Package that the folder itself is; empty when it is the import root.
    """

    folder: Path
    code: str
    actions: Sequence[CheckedAction]
    symbols: Symbols
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCode:
    """An action and the code that its entrypoint names.

    Attributes:
        action: The action.
        source: Module that defines it.
        node: Its class or function.
        chain: For a class: itself and those of its bases that the plugin defines, nearest first.
        base: For a class: full name of the base outside the plugin; empty when it is unknown.
        decorator: For a function: the call or name that makes it an action.
    """

    action: CheckedAction
    source: Source
    node: CodeNode
    chain: tuple[tuple[Source, ast.ClassDef], ...] = ()
    base: str = ""
    decorator: ast.expr | None = None


def in_manifest(
    action: CheckedAction,
    code: str,
    message: str,
    fix: str,
    *,
    severity: Severity = Severity.ERROR,
) -> Diagnostic:
    """Return a finding about an action at its entrypoint, or where it was found."""
    spec = action.spec
    return Diagnostic(
        code=code,
        message=message,
        severity=severity,
        file=MANIFEST if action.line else spec.file,
        line=action.line or spec.line,
        column=action.column,
        key=f"actions.{spec.name}.entrypoint" if action.is_declared else "",
        fix=fix,
    )


def in_source(
    source: Source,
    node: ast.stmt | ast.expr | ast.arg | ast.ExceptHandler,
    code: str,
    message: str,
    fix: str,
    *,
    severity: Severity = Severity.ERROR,
) -> Diagnostic:
    """Return a finding at a place in a module."""
    return Diagnostic(
        code=code,
        message=message,
        severity=severity,
        file=source.path,
        line=node.lineno,
        column=node.col_offset + 1,
        fix=fix,
    )

"""Finds the actions in a plugin's source without importing any of it.

What it finds is what importing finds (`from_imports`), as far as the source alone can tell: a base
class of another library that derives from `BaseAction` is not recognised, and neither is a class
that is made at import time.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from synapse_core.discovery.sources import Source, read_sources
from synapse_core.discovery.symbols import Symbols, find_constant
from synapse_core.model.plugin import ActionSpec, PluginCategory
from synapse_core.plugins.files import PluginFile
from synapse_core.plugins.names import derive_action_name, derive_title

__all__ = ["find_in_sources", "scan_source"]

_OURS = "synapse_core."
_BASES = ("Action", "Deployment")
_PLAIN_BASES = frozenset({"synapse_core.BaseAction", "synapse_core.actions.base.BaseAction"})
_DECORATORS = frozenset({"synapse_core.action", "synapse_core.actions.decorator.action"})
_BODIES = frozenset({"execute", "setup_steps"})
"""Methods that make a class more than a base for others."""

_ATTRIBUTES = ("action_name", "category", "input_type", "output_type")
_MOST_BASES = 50

_Code: TypeAlias = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def scan_source(
    folder: Path,
    files: Iterable[PluginFile],
    prefix: str = "",
    *,
    category: PluginCategory = PluginCategory.CUSTOM,
) -> list[ActionSpec]:
    """Return the actions of a plugin, in the order of files and lines.

    Base classes that do nothing themselves, private names and tests are no actions.

    Args:
        folder: The plugin's folder.
        files: Its files, as `find_files` lists them.
        prefix: Package that the folder itself is; empty when it is the import root.
        category: What actions are for that do not say so.
    """
    read = read_sources(folder, files, prefix)
    sources = [one for one in read if isinstance(one, Source)]
    return find_in_sources(sources, category=category)


def find_in_sources(
    sources: Iterable[Source], *, category: PluginCategory = PluginCategory.CUSTOM
) -> list[ActionSpec]:
    """Return the actions in modules that were read already; see `scan_source`."""
    symbols = Symbols(list(sources))
    found: list[ActionSpec] = []
    for source in symbols.sources:
        for node in _last_definitions(symbols, source):
            spec = _describe(symbols, source, node, category)
            if spec is not None:
                found.append(spec)
    return sorted(found, key=lambda spec: (spec.file, spec.line))


def _last_definitions(symbols: Symbols, source: Source) -> Iterable[_Code]:
    """Return the public classes and functions of a module; of doubles the last, as in Python."""
    nodes: dict[str, _Code] = {}
    for definition in symbols.definitions(source.module):
        node = definition.node
        is_code = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if is_code and not definition.name.startswith("_"):
            nodes[definition.name] = node
    return nodes.values()


def _describe(
    symbols: Symbols, source: Source, node: _Code, category: PluginCategory
) -> ActionSpec | None:
    if isinstance(node, ast.ClassDef):
        chain = _find_chain(symbols, source, node)
        return _describe_class(symbols, chain, category) if _is_action(symbols, chain) else None
    decorator = _find_decorator(symbols, source, node)
    if decorator is None:
        return None
    return _describe_function(symbols, source, node, decorator, category)


@dataclass(frozen=True, slots=True)
class _Chain:
    """A class with those of its bases that the plugin has, nearest first.

    Attributes:
        classes: The class itself, then its bases, each with its module.
        outer: Full names of the bases that lie outside.
    """

    classes: Sequence[tuple[Source, ast.ClassDef]]
    outer: frozenset[str]


def _find_chain(symbols: Symbols, source: Source, node: ast.ClassDef) -> _Chain:
    classes: list[tuple[Source, ast.ClassDef]] = [(source, node)]
    outer: set[str] = set()
    for where, current in classes:  # grows while it is walked
        for expression in current.bases:
            base = symbols.resolve(where, expression)
            if base is None or base.node is None:
                outer.add(base.name if base is not None else "")
                continue
            match base.source, base.node:
                case Source() as inner, ast.ClassDef() as above if not _is_among(above, classes):
                    classes.append((inner, above))
                case _:
                    pass
    return _Chain(classes, frozenset(outer))


def _is_among(node: ast.ClassDef, classes: Sequence[tuple[Source, ast.ClassDef]]) -> bool:
    """Whether the class is known already, or too many are."""
    return len(classes) >= _MOST_BASES or any(node is known for _, known in classes)


def _is_action(symbols: Symbols, chain: _Chain) -> bool:
    """Whether the class derives from an action of ours and can do something."""
    ours = {name for name in chain.outer if name.startswith(_OURS) and name.endswith(_BASES)}
    if not ours or _is_abstract(chain) or _is_generic(symbols, chain):
        return False
    has_body = any(
        isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name in _BODIES
        for _, node in chain.classes
        for statement in node.body
    )
    return has_body or not ours <= _PLAIN_BASES


def _is_abstract(chain: _Chain) -> bool:
    """Whether a method is left to those that derive from the class."""
    done: set[str] = set()
    for _, node in chain.classes:
        for statement in node.body:
            if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            decorators = {_last_name(one) for one in statement.decorator_list}
            if "abstractmethod" in decorators and statement.name not in done:
                return True
            done.add(statement.name)
    return False


def _is_generic(symbols: Symbols, chain: _Chain) -> bool:
    """Whether the class leaves the model of its params to those that derive from it."""
    leaves_open = False
    for source, node in chain.classes:
        if find_constant(node.body, "params_model") is not None:
            return False
        own = {one.name for one in getattr(node, "type_params", ())}
        for base in node.bases:
            if not isinstance(base, ast.Subscript):
                continue
            inner = base.slice
            is_open = isinstance(inner, ast.Name) and (
                inner.id in own or symbols.is_type_variable(source, inner) is True
            )
            if not is_open and _last_name(base.value) not in {"Generic", "Protocol"}:
                return False
            leaves_open = True
    return leaves_open


def _find_decorator(symbols: Symbols, source: Source, node: _Code) -> ast.expr | None:
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        symbol = symbols.resolve(source, called)
        if symbol is not None and symbol.name in _DECORATORS:
            return decorator
    return None


def _describe_class(symbols: Symbols, chain: _Chain, category: PluginCategory) -> ActionSpec:
    source, node = chain.classes[0]
    given = {key: _find_assigned(chain, key) for key in _ATTRIBUTES}
    _, stated = given["action_name"]
    name = _read_text(stated) or derive_action_name(node.name)
    return ActionSpec(
        name=name,
        entrypoint=f"{source.module}:{node.name}",
        title=derive_title(name),
        description=_summarise(node),
        category=_read_category(given["category"][1]) or category,
        input_type=_name_type(symbols, *given["input_type"]),
        output_type=_name_type(symbols, *given["output_type"]),
        kind="class",
        file=source.path,
        line=node.lineno,
    )


def _describe_function(
    symbols: Symbols,
    source: Source,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    decorator: ast.expr,
    category: PluginCategory,
) -> ActionSpec:
    given: dict[str, ast.expr] = {}
    if isinstance(decorator, ast.Call):
        # In the order of the decorator's own parameters.
        order = ("name", "description", "params", "result", "category")
        given.update(zip(order, decorator.args, strict=False))
        given.update({one.arg: one.value for one in decorator.keywords if one.arg})
    name = _read_text(given.get("name")) or node.name
    return ActionSpec(
        name=name,
        entrypoint=f"{source.module}:{node.name}",
        title=derive_title(name),
        description=_read_text(given.get("description")) or _summarise(node),
        category=_read_category(given.get("category")) or category,
        input_type=_name_type(symbols, source, given.get("input_type")),
        output_type=_name_type(symbols, source, given.get("output_type")),
        kind="function",
        file=source.path,
        line=node.lineno,
    )


def _find_assigned(chain: _Chain, name: str) -> tuple[Source, ast.expr | None]:
    """Return what the class, or else the nearest of its bases, assigns to a name."""
    for source, node in chain.classes:
        value = find_constant(node.body, name)
        if value is not None:
            return source, value
    return chain.classes[0][0], None


def _name_type(symbols: Symbols, source: Source, expression: ast.expr | None) -> str | None:
    """Return the name of a semantic type."""
    if not isinstance(expression, ast.Name | ast.Attribute):
        return None
    found = symbols.resolve(source, expression)
    return found.name.rpartition(".")[2] or None if found is not None else None


def _read_text(expression: ast.expr | None) -> str:
    match expression:
        case ast.Constant(value=str(text)) if text.strip() and text.isprintable():
            return text
        case _:
            return ""


def _read_category(expression: ast.expr | None) -> PluginCategory | None:
    match expression:
        case ast.Constant(value=str(text)):
            wanted = text
        case ast.Attribute(attr=attr):
            wanted = attr.lower()
        case _:
            return None
    return PluginCategory(wanted) if wanted in set(PluginCategory) else None


def _summarise(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return the first paragraph of the docstring, on one line."""
    return " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())


def _last_name(expression: ast.expr) -> str:
    while isinstance(expression, ast.Call):
        expression = expression.func
    match expression:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""

"""Finds the actions in a plugin's source without importing any of it.

What it finds is what importing finds (`from_imports`), as far as the source alone can tell: a base
class of another library that derives from `BaseAction` is not recognised, and neither is a class
that is made at import time.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from synapse_core.discovery.source_names import (
    Definition,
    Names,
    bind_modules,
    find_constant,
)
from synapse_core.discovery.sources import Source, read_sources
from synapse_core.model.plugin import ActionSpec, PluginCategory
from synapse_core.plugins.files import PluginFile
from synapse_core.plugins.names import derive_action_name, derive_title

__all__ = ["find_in_sources", "scan_source"]

_OURS = "synapse_core."
_PLAIN_BASES = frozenset({"synapse_core.BaseAction", "synapse_core.actions.base.BaseAction"})
_DECORATORS = frozenset({"synapse_core.action", "synapse_core.actions.decorator.action"})
_BODIES = frozenset({"execute", "setup_steps"})
"""Methods that make a class more than a base for others."""

_ATTRIBUTES = ("action_name", "category", "input_type", "output_type")
_MOST_BASES = 50


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
    names = Names(bind_modules(sources))
    found: list[ActionSpec] = []
    for module in names.modules.values():
        for node in module.definitions.values():
            if not node.name.startswith("_"):
                spec = _describe(names, Definition(module, node), category)
                if spec is not None:
                    found.append(spec)
    return sorted(found, key=lambda spec: (spec.file, spec.line))


def _describe(names: Names, definition: Definition, category: PluginCategory) -> ActionSpec | None:
    node = definition.node
    if isinstance(node, ast.ClassDef):
        chain = _find_chain(names, definition, node)
        if not _is_action(names, chain):
            return None
        return _describe_class(names, node, chain, category)
    decorator = _find_decorator(names, definition)
    if decorator is None:
        return None
    return _describe_function(names, definition, decorator, category)


@dataclass(frozen=True, slots=True)
class _Chain:
    """A class with those of its bases that the plugin has, nearest first.

    Attributes:
        classes: The class itself, then its bases.
        outer: Full names of the bases that lie outside.
    """

    classes: Sequence[tuple[Definition, ast.ClassDef]]
    outer: frozenset[str]


def _find_chain(names: Names, definition: Definition, node: ast.ClassDef) -> _Chain:
    classes: list[tuple[Definition, ast.ClassDef]] = [(definition, node)]
    outer: set[str] = set()
    for where, current in classes:  # grows while it is walked
        for expression in current.bases:
            base = names.find(where.module, expression)
            if isinstance(base, str):
                outer.add(base)
            elif isinstance(base.node, ast.ClassDef) and not _is_among(base.node, classes):
                classes.append((base, base.node))
    return _Chain(classes, frozenset(outer))


def _is_among(node: ast.ClassDef, classes: Sequence[tuple[Definition, ast.ClassDef]]) -> bool:
    """Whether the class is known already, or too many are."""
    return len(classes) >= _MOST_BASES or any(node is known for _, known in classes)


def _is_action(names: Names, chain: _Chain) -> bool:
    """Whether the class derives from an action of ours and can do something."""
    ours = {name for name in chain.outer if name.startswith(_OURS) and name.endswith("Action")}
    if not ours or _is_abstract(chain) or _is_generic(names, chain):
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


def _is_generic(names: Names, chain: _Chain) -> bool:
    """Whether the class leaves the model of its params to those that derive from it."""
    leaves_open = False
    for definition, node in chain.classes:
        if find_constant(node.body, "params_model") is not None:
            return False
        own = {one.name for one in getattr(node, "type_params", ())}
        for base in node.bases:
            if not isinstance(base, ast.Subscript):
                continue
            inner = base.slice
            is_open = isinstance(inner, ast.Name) and (
                inner.id in own or _is_type_variable(names, definition, inner)
            )
            if not is_open and _last_name(base.value) not in {"Generic", "Protocol"}:
                return False
            leaves_open = True
    return leaves_open


def _is_type_variable(names: Names, definition: Definition, name: ast.Name) -> bool:
    module = definition.module
    for _ in range(_MOST_BASES):
        value = module.values.get(name.id)
        if value is not None:
            return isinstance(value, ast.Call) and _last_name(value.func) == "TypeVar"
        above, _, inner = module.imports.get(name.id, "").rpartition(".")
        if above not in names.modules:
            return False
        module, name = names.modules[above], ast.Name(inner)
    return False


def _find_decorator(names: Names, definition: Definition) -> ast.expr | None:
    for decorator in definition.node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if names.find(definition.module, called) in _DECORATORS:
            return decorator
    return None


def _describe_class(
    names: Names, node: ast.ClassDef, chain: _Chain, category: PluginCategory
) -> ActionSpec:
    definition, _ = chain.classes[0]
    given = {key: _find_assigned(chain, key) for key in _ATTRIBUTES}
    _, stated = given["action_name"]
    name = _read_text(stated) or derive_action_name(node.name)
    return ActionSpec(
        name=name,
        entrypoint=definition.entrypoint,
        title=derive_title(name),
        description=_summarise(node),
        category=_read_category(given["category"][1]) or category,
        input_type=_name_type(names, *given["input_type"]),
        output_type=_name_type(names, *given["output_type"]),
        kind="class",
        file=definition.module.path,
        line=node.lineno,
    )


def _describe_function(
    names: Names, definition: Definition, decorator: ast.expr, category: PluginCategory
) -> ActionSpec:
    given: dict[str, ast.expr] = {}
    if isinstance(decorator, ast.Call):
        # In the order of the decorator's own parameters.
        order = ("name", "description", "params", "result", "category")
        given.update(zip(order, decorator.args, strict=False))
        given.update({one.arg: one.value for one in decorator.keywords if one.arg})
    node = definition.node
    name = _read_text(given.get("name")) or node.name
    return ActionSpec(
        name=name,
        entrypoint=definition.entrypoint,
        title=derive_title(name),
        description=_read_text(given.get("description")) or _summarise(node),
        category=_read_category(given.get("category")) or category,
        input_type=_name_type(names, definition, given.get("input_type")),
        output_type=_name_type(names, definition, given.get("output_type")),
        kind="function",
        file=definition.module.path,
        line=node.lineno,
    )


def _find_assigned(chain: _Chain, name: str) -> tuple[Definition, ast.expr | None]:
    """Return what the class, or else the nearest of its bases, assigns to a name."""
    for definition, node in chain.classes:
        value = find_constant(node.body, name)
        if value is not None:
            return definition, value
    return chain.classes[0][0], None


def _name_type(names: Names, definition: Definition, expression: ast.expr | None) -> str | None:
    """Return the name of a semantic type."""
    if not isinstance(expression, ast.Name | ast.Attribute):
        return None
    found = names.find(definition.module, expression)
    if isinstance(found, Definition):
        return found.node.name
    return found.rpartition(".")[2] or None


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

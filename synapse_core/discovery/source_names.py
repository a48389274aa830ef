"""What the names in a plugin's modules stand for, read from their syntax."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from synapse_core.discovery.sources import Source

__all__ = ["Definition", "Module", "Names", "bind_modules", "find_constant"]

_MOST_HOPS = 20
"""Imports followed for one name; circles end here."""

Statement: TypeAlias = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Module:
    """One module of a plugin, and what its top level binds.

    Attributes:
        name: Dotted name by which it is imported.
        path: Relative to the plugin's folder, with `/`.
        definitions: Classes and functions by name; the last one counts, as in Python.
        imports: Full dotted names by the name they are bound to.
        stars: Modules of which everything is imported.
        values: What is assigned, by name.
    """

    name: str
    path: str
    definitions: dict[str, Statement] = field(default_factory=dict[str, Statement])
    imports: dict[str, str] = field(default_factory=dict[str, str])
    stars: list[str] = field(default_factory=list[str])
    values: dict[str, ast.expr] = field(default_factory=dict[str, ast.expr])


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """A class or function, and the module that has it."""

    module: Module
    node: Statement

    @property
    def entrypoint(self) -> str:
        """How it is named in a manifest."""
        return f"{self.module.name}:{self.node.name}"


class Names:
    """The names of all modules of a plugin."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.modules: Mapping[str, Module] = {module.name: module for module in modules}

    def find(self, module: Module, expression: ast.expr) -> Definition | str:
        """Return the definition in the plugin, or the full name of what lies outside.

        The name is empty when it cannot be known.
        """
        first, *rest = _flatten(expression) or [""]
        found = self._find_name(module, first, _MOST_HOPS)
        for name in rest:
            if isinstance(found, Definition) or not found:
                return ""
            found = self._find_dotted(f"{found}.{name}", _MOST_HOPS)
        return found

    def _find_name(self, module: Module, name: str, hops: int) -> Definition | str:
        node = module.definitions.get(name)
        if node is not None:
            return Definition(module, node)
        if name in module.imports:
            return self._find_dotted(module.imports[name], hops - 1)
        value = module.values.get(name)
        first, *rest = (_flatten(value) if value is not None and hops > 0 else []) or [""]
        if first and not rest:  # such as `Base = BaseAction`
            return self._find_name(module, first, hops - 1)
        if first in module.imports:  # such as `Base = synapse_core.BaseAction`
            return self._find_dotted(".".join([module.imports[first], *rest]), hops - 1)
        return self._find_starred(module, name, hops) if value is None and name else ""

    def _find_starred(self, module: Module, name: str, hops: int) -> Definition | str:
        for star in module.stars:
            found = self._find_dotted(f"{star}.{name}", hops - 1)
            is_ours = star in self.modules
            if found and (isinstance(found, Definition) or not is_ours):
                return found
        return ""

    def _find_dotted(self, dotted: str, hops: int) -> Definition | str:
        """Follow a full name into the plugin's own modules."""
        above, _, name = dotted.rpartition(".")
        own = self.modules.get(above)
        if own is None or dotted in self.modules:
            return dotted
        return self._find_name(own, name, hops) if hops > 0 else ""


def _flatten(expression: ast.expr) -> list[str]:
    """Return the parts of a dotted name, without what stands in brackets; empty for all else."""
    parts: list[str] = []
    while True:
        match expression:
            case ast.Attribute(value=value, attr=attr):
                parts.append(attr)
                expression = value
            case ast.Subscript(value=value):
                expression = value
            case ast.Name(id=name):
                return [name, *reversed(parts)]
            case _:
                return []


def bind_modules(sources: Iterable[Source]) -> list[Module]:
    """Return what the modules bind that an import can name."""
    modules: list[Module] = []
    for source in sources:
        if source.module:
            module = Module(source.module, source.path)
            _bind(module, source.tree.body, is_package=source.is_package)
            modules.append(module)
    return modules


def find_constant(body: Sequence[ast.stmt], name: str) -> ast.expr | None:
    """Return what a class body assigns to a name."""
    for statement in reversed(body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                return value
            case ast.AnnAssign(target=ast.Name(id=bound), value=ast.expr() as value) if (
                bound == name
            ):
                return value
            case _:
                pass
    return None


def _bind(module: Module, body: Sequence[ast.stmt], *, is_package: bool) -> None:
    for node in _each_statement(body):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                module.definitions[node.name] = node
                module.imports.pop(node.name, None)
            case ast.Import(names=names):
                for alias in names:
                    first = alias.name.partition(".")[0]
                    module.imports[alias.asname or first] = alias.name if alias.asname else first
            case ast.ImportFrom():
                _bind_from(module, node, is_package=is_package)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                module.values[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                module.values[name] = value
            case _:
                pass


def _bind_from(module: Module, node: ast.ImportFrom, *, is_package: bool) -> None:
    origin = node.module or ""
    if node.level:
        package = module.name.split(".") if is_package else module.name.split(".")[:-1]
        kept = package[: len(package) - node.level + 1]
        if node.level > len(package):
            return
        origin = ".".join([*kept, *([origin] if origin else [])])
    for alias in node.names:
        if alias.name == "*":
            module.stars.append(origin)
        else:
            module.imports[alias.asname or alias.name] = f"{origin}.{alias.name}"


def _each_statement(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module's top level in order, also those under conditions."""
    waiting = list(reversed(body))
    while waiting:
        node = waiting.pop()
        yield node
        inner: list[ast.stmt] = []
        match node:
            case ast.If(body=then, orelse=orelse):
                inner = [*then, *orelse]
            case ast.With(body=then):
                inner = then
            case ast.Try(body=then, orelse=orelse, finalbody=final, handlers=handlers):
                caught = [statement for handler in handlers for statement in handler.body]
                inner = [*caught, *then, *orelse, *final]
            case _:
                pass
        waiting.extend(reversed(inner))

"""Finds what a name in a plugin's source stands for, without importing anything."""

import ast
import builtins
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from synapse_core.checks.imports import Import, Scope, find_imports
from synapse_core.discovery.sources import Source

__all__ = ["Definition", "Symbol", "Symbols"]

MAX_HOPS = 20
"""Imports and base classes followed for one name; circles end here."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A class, function or value at the top of a module.

    Attributes:
        name: Its name.
        node: The statement that makes it.
        is_certain: Whether it is made whenever the module is imported.
    """

    name: str
    node: ast.stmt
    is_certain: bool


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a name stands for.

    Attributes:
        name: Full dotted name: of the plugin's own definition, or of something outside.
        source: The module of the plugin that defines it; None for what is outside.
        node: The statement that makes it; None for what is outside, and for a module.
    """

    name: str
    source: Source | None = None
    node: ast.stmt | None = None


@dataclass(slots=True)
class _Module:
    source: Source
    imports: list[Import]
    definitions: list[Definition]
    bindings: dict[str, Definition | Import] = field(default_factory=dict[str, Definition | Import])


class Symbols:
    """The names of all modules of a plugin."""

    def __init__(self, sources: Sequence[Source], broken: Iterable[str] = ()) -> None:
        self._modules: dict[str, _Module] = {}
        self._broken = frozenset(broken)
        for source in sources:
            if source.module not in self._modules or source.is_package:
                self._modules[source.module] = _read(source)
        self._packages = {
            ".".join(parts[:depth])
            for name in (*self._modules, *self._broken)
            for parts in [name.split(".")]
            for depth in range(1, len(parts))
        }

    @property
    def modules(self) -> list[str]:
        """Names of the modules that can be imported."""
        return sorted(name for name in {*self._modules, *self._broken} if name)

    def source(self, module: str) -> Source | None:
        """Return the module of this name."""
        found = self._modules.get(module) if module else None
        return found.source if found else None

    def is_module(self, name: str) -> bool:
        """Whether the plugin has a module or a folder of modules of this name."""
        known = (self._modules, self._broken, self._packages)
        return bool(name) and any(name in names for names in known)

    def is_broken(self, name: str) -> bool:
        """Whether the plugin has a module of this name that cannot be read."""
        return bool(name) and name in self._broken

    def imports(self, module: str) -> list[Import]:
        """Return what the module imports."""
        return self._modules[module].imports

    def definitions(self, module: str) -> list[Definition]:
        """Return what the module defines at its top, in order, doubles included."""
        return self._modules[module].definitions

    def names(self, module: str) -> list[str]:
        """Return the names that can be taken from the module."""
        found = self._modules.get(module)
        return sorted(found.bindings) if found else []

    def is_open(self, module: str) -> bool:
        """Whether the module has names that cannot be known without importing it."""
        found = self._modules.get(module)
        if found is None:
            return True
        return "__getattr__" in found.bindings or any(
            one.name == "*" and one.scope is Scope.MODULE for one in found.imports
        )

    def find(self, module: str, name: str, *, hops: int = MAX_HOPS) -> Symbol | None:
        """Return what `name` stands for in the module; None when that cannot be known."""
        found = self._modules.get(module)
        binding = found.bindings.get(name) if found and hops else None
        if binding is None or found is None:
            dotted = f"{module}.{name}"
            return Symbol(dotted) if self.is_module(dotted) else None
        if isinstance(binding, Definition):
            return Symbol(f"{module}.{name}", found.source, binding.node)
        return self._follow(binding, hops - 1)

    def resolve(self, source: Source, expression: ast.expr) -> Symbol | None:
        """Return what a name or dotted name in the module stands for; None when it is unknown."""
        match expression:
            case ast.Name(id=name):
                found = self.find(source.module, name)
                is_builtin = found is None and hasattr(builtins, name)
                return Symbol(f"builtins.{name}") if is_builtin else found
            case ast.Attribute(value=value, attr=attr):
                return self._member(self.resolve(source, value), attr)
            case ast.Subscript(value=value):
                return self.resolve(source, value)
            case ast.Constant(value=str(text)):
                return self._resolve_text(source, text)
            case _:
                return Symbol("builtins.None") if ast.unparse(expression) == "None" else None

    def _member(self, base: Symbol | None, name: str) -> Symbol | None:
        if base is None or base.node is not None:
            return None
        if self.is_module(base.name):
            return self.find(base.name, name)
        return Symbol(f"{base.name}.{name}")

    def _resolve_text(self, source: Source, text: str) -> Symbol | None:
        """Return what an annotation in quotes stands for."""
        try:
            return self.resolve(source, ast.parse(text, mode="eval").body)
        except (SyntaxError, ValueError, RecursionError):
            return None

    def _follow(self, one: Import, hops: int) -> Symbol | None:
        if not one.name:
            # `import a.b` binds `a`, `import a.b as c` binds the last.
            first = one.module.partition(".")[0]
            return Symbol(first if one.bound == first else one.module)
        if self.is_module(one.module):
            return self.find(one.module, one.name, hops=hops)
        return Symbol(f"{one.module}.{one.name}")


def _read(source: Source) -> _Module:
    module = _Module(source, find_imports(source), list(_define(source.tree.body, is_certain=True)))
    for one in module.imports:
        if one.scope is Scope.MODULE and one.bound:
            module.bindings[one.bound] = one
    for definition in module.definitions:
        module.bindings[definition.name] = definition
    return module


def _define(body: Sequence[ast.stmt], *, is_certain: bool) -> Iterator[Definition]:
    for node in body:
        match node:
            case (
                ast.ClassDef(name=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
            ):
                yield Definition(name, node, is_certain)
            case ast.Assign(targets=targets):
                for target in targets:
                    yield from (Definition(name, node, is_certain) for name in _bound(target))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                yield Definition(name, node, is_certain)
            case ast.If(body=inner, orelse=orelse) | ast.For(body=inner, orelse=orelse):
                yield from _define([*inner, *orelse], is_certain=False)
            case ast.With(body=inner):
                yield from _define(inner, is_certain=is_certain)
            case ast.Try(body=inner, orelse=orelse, finalbody=final, handlers=handlers):
                caught = [statement for handler in handlers for statement in handler.body]
                yield from _define([*inner, *caught, *orelse, *final], is_certain=False)
            case _:
                pass


def _bound(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            yield node.id

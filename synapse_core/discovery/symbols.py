"""Finds what a name in a plugin's source stands for, without importing anything."""

import ast
import builtins
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from synapse_core.discovery.imports import Import, find_imports, find_top_imports
from synapse_core.discovery.sources import Source

__all__ = ["Definition", "Symbol", "Symbols", "find_constant"]

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
    top_imports: list[Import]
    definitions: list[Definition]
    imports: list[Import] | None = None
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

    @property
    def sources(self) -> list[Source]:
        """The modules that can be imported."""
        return [module.source for name, module in self._modules.items() if name]

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
        found = self._modules[module]
        if found.imports is None:  # whoever only looks for actions needs none inside functions
            found.imports = find_imports(found.source)
        return found.imports

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
        return "__getattr__" in found.bindings or any(one.name == "*" for one in found.top_imports)

    def find(self, module: str, name: str, *, hops: int = MAX_HOPS) -> Symbol | None:
        """Return what `name` stands for in the module; None when that cannot be known."""
        found = self._modules.get(module)
        binding = found.bindings.get(name) if found and hops else None
        if binding is None or found is None:
            dotted = f"{module}.{name}"
            return (
                Symbol(dotted) if self.is_module(dotted) else self._find_starred(found, name, hops)
            )
        if isinstance(binding, Import):
            return self._follow(binding, hops - 1)
        match binding.node:
            case ast.Assign(targets=[ast.Name()], value=ast.Name() | ast.Attribute() as other):
                # Such as `Base = BaseAction`.
                meant = self.resolve(found.source, other, hops=hops - 1)
                return meant or Symbol(f"{module}.{name}", found.source, binding.node)
            case node:
                return Symbol(f"{module}.{name}", found.source, node)

    def resolve(
        self, source: Source, expression: ast.expr, *, hops: int = MAX_HOPS
    ) -> Symbol | None:
        """Return what a name or dotted name in the module stands for; None when it is unknown."""
        match expression:
            case ast.Name(id=name):
                found = self.find(source.module, name, hops=hops)
                is_builtin = found is None and hasattr(builtins, name)
                return Symbol(f"builtins.{name}") if is_builtin else found
            case ast.Attribute(value=value, attr=attr):
                return self._member(self.resolve(source, value, hops=hops), attr)
            case ast.Subscript(value=value):
                return self.resolve(source, value, hops=hops)
            case ast.Constant(value=str(text)):
                return self._resolve_text(source, text)
            case _:
                return Symbol("builtins.None") if ast.unparse(expression) == "None" else None

    def is_type_variable(self, source: Source, expression: ast.expr) -> bool | None:
        """Whether an expression names a type variable; None when that cannot be known."""
        symbol = self.resolve(source, expression)
        if symbol is None or symbol.node is None:
            return None
        match symbol.node:
            case ast.Assign(value=ast.Call(func=ast.Name(id=made) | ast.Attribute(attr=made))):
                return made == "TypeVar"
            case _:
                return False

    def _find_starred(self, module: "_Module | None", name: str, hops: int) -> Symbol | None:
        """Return what a `from … import *` brings; of other libraries only ours is known."""
        for one in module.top_imports if module is not None and hops else []:
            if one.name == "*" and self.is_module(one.module):
                found = self.find(one.module, name, hops=hops - 1)
                if found is not None:
                    return found
            elif one.name == "*" and one.module == "synapse_core" and not hasattr(builtins, name):
                return Symbol(f"{one.module}.{name}")
        return None

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
    definitions = list(_define(source.tree.body, is_certain=True))
    module = _Module(source, find_top_imports(source), definitions)
    for one in module.top_imports:
        if one.bound:
            module.bindings[one.bound] = one
    for definition in module.definitions:
        module.bindings[definition.name] = definition
    return module


def _define(body: Sequence[ast.stmt], *, is_certain: bool) -> Iterator[Definition]:
    # Without recursion: long chains of `elif` nest deeper than Python's stack.
    waiting = [(node, is_certain) for node in reversed(body)]
    while waiting:
        node, certain = waiting.pop()
        inner: list[ast.stmt] = []
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield Definition(node.name, node, certain)
            case ast.Assign(targets=targets):
                for target in targets:
                    yield from (Definition(name, node, certain) for name in _bound(target))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                yield Definition(name, node, certain)
            case ast.With(body=inner):
                pass
            case ast.If(body=then, orelse=orelse) | ast.For(body=then, orelse=orelse):
                inner, certain = [*then, *orelse], False
            case ast.Try(body=then, orelse=orelse, finalbody=final, handlers=handlers):
                caught = [statement for handler in handlers for statement in handler.body]
                inner, certain = [*then, *caught, *orelse, *final], False
            case _:
                pass
        waiting += [(one, certain) for one in reversed(inner)]


def _bound(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            yield node.id


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

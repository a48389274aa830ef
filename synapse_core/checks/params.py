"""Finds the model that a class action names as its params."""

import ast
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from synapse_core.checks.entrypoints import is_action_base
from synapse_core.checks.subject import ActionCode
from synapse_core.discovery.sources import Source
from synapse_core.discovery.symbols import Symbols, find_constant

__all__ = ["find_params"]

_MOST_BASES = 20

Named: TypeAlias = tuple[Source, ast.expr]
"""An expression, and the module that it is written in."""


def find_params(symbols: Symbols, code: ActionCode) -> Named | None:
    """Return the expression that names the params, as Python would find it; None without one."""
    _, node = code.chain[0]
    return _Finder(symbols).find(code.source, node, {}, _MOST_BASES)


class _Finder:
    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols

    def find(
        self, source: Source, node: ast.ClassDef, given: Mapping[str, Named], hops: int
    ) -> Named | None:
        """Return what the class or the nearest of its bases names.

        Args:
            source: The module of the class.
            node: The class.
            given: What stands in the brackets where it is derived from, by type variable.
            hops: Bases that are still followed.
        """
        stated = find_constant(node.body, "params_model")
        if stated is not None:
            return source, stated
        for base in node.bases if hops else []:
            arguments = [self._fill(source, one, given) for one in _arguments(base)]
            symbol = self._symbols.resolve(source, base)
            if symbol is not None and isinstance(symbol.node, ast.ClassDef) and symbol.source:
                variables = self._variables(symbol.source, symbol.node)
                inner = dict(zip(variables, arguments, strict=False))
                found = self.find(symbol.source, symbol.node, inner, hops - 1)
            elif symbol is None or is_action_base(symbol):
                found = arguments[0] if arguments else None
            else:
                found = None
            if found is not None and not self._is_variable(*found):
                return found
        return None

    def _fill(self, source: Source, argument: ast.expr, given: Mapping[str, Named]) -> Named:
        filled = given.get(argument.id) if isinstance(argument, ast.Name) else None
        return filled or (source, argument)

    def _variables(self, source: Source, node: ast.ClassDef) -> list[str]:
        """Return the type variables of a class, in the order of what stands in its brackets."""
        stated = [one.name for one in getattr(node, "type_params", ())]
        generic = [base for base in node.bases if _last_name(base) in {"Generic", "Protocol"}]
        seen = [
            argument.id
            for base in generic or node.bases
            for argument in _arguments(base)
            if isinstance(argument, ast.Name) and self._is_variable(source, argument)
        ]
        return stated or list(dict.fromkeys(seen))

    def _is_variable(self, source: Source, expression: ast.expr) -> bool:
        known = self._symbols.is_type_variable(source, expression)
        if known is not None:
            return known
        # One of Python 3.12's own, or imported from elsewhere: by custom P, T, ParamsT.
        name = ast.unparse(expression)
        return len(name) == 1 or name.endswith("T")


def _arguments(base: ast.expr) -> Sequence[ast.expr]:
    match base:
        case ast.Subscript(slice=ast.Tuple(elts=elements)):
            return elements
        case ast.Subscript(slice=argument):
            return [argument]
        case _:
            return []


def _last_name(expression: ast.expr) -> str:
    match expression:
        case ast.Subscript(value=value):
            return _last_name(value)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""

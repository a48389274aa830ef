"""Tells what of a plugin's source may be executed."""

import ast
from collections.abc import Iterable, Sequence
from functools import cached_property

from synapse_core.checks.subject import ActionCode
from synapse_core.discovery.sources import Source
from synapse_core.model.plugin import Severity

__all__ = ["Uses"]


class Uses:
    """What the modules of a plugin do when its actions run.

    Args:
        sources: The modules that are imported then.
        codes: The code of the actions.
    """

    def __init__(self, sources: Iterable[Source], codes: Sequence[ActionCode]) -> None:
        self._sources = list(sources)
        self._codes = codes

    def weigh(self, source: Source, line: int, function: str) -> Severity:
        """Return how bad a fault is: in a function that nothing calls it does no harm.

        Args:
            source: The module it is in.
            line: Its line.
            function: Outermost function that it stands in; empty at the top of a module or class.
        """
        runs = not function or self._is_of_action(source, line) or self._may_call(function)
        return Severity.ERROR if runs else Severity.WARNING

    def _is_of_action(self, source: Source, line: int) -> bool:
        nodes: list[ast.stmt] = []
        for code in self._codes:
            nodes += [node for where, node in code.chain if where is source]
            nodes += [code.node] if code.source is source else []
        return any(node.lineno <= line <= (node.end_lineno or node.lineno) for node in nodes)

    def _may_call(self, function: str) -> bool:
        """Whether anything mentions a function or method of this name."""
        by_itself = function.startswith("__") and function.endswith("__")
        return by_itself or function in self._mentioned

    @cached_property
    def _mentioned(self) -> frozenset[str]:
        # Only plugins with something doubtful in a function pay for the walk.
        found: set[str] = set()
        for source in self._sources:
            for node in ast.walk(source.tree):
                match node:
                    case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name):
                        found.add(name)
                    case _:
                        pass
        return frozenset(found)

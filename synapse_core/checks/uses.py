"""Tells whether a function beside the actions is ever called."""

import ast
from collections.abc import Iterable
from functools import cached_property

from synapse_core.discovery.sources import Source

__all__ = ["Uses"]


class Uses:
    """The names that the modules of a plugin mention.

    Args:
        sources: The modules that are imported when an action runs.
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources = list(sources)

    def may_call(self, function: str) -> bool:
        """Whether anything mentions a function or method of this name, so that it may be called.

        What Python calls by itself, such as `__init__`, counts as called.
        """
        is_special = function.startswith("__") and function.endswith("__")
        return is_special or function in self._mentioned

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

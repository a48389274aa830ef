"""Where runs are placed."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synapse_core.executors.local import LocalExecutor

__all__ = ["LocalExecutor"]

if not TYPE_CHECKING:  # the other executors need nothing of it, and are on the path of every start

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("synapse_core.executors.local"), name)

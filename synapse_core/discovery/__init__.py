"""Finds plugins and their actions: from manifests, from source, and by importing them."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synapse_core.discovery.plugin_discovery import PluginDiscovery

__all__ = ["PluginDiscovery"]

if not TYPE_CHECKING:  # else a misspelt name would pass a type checker

    def __getattr__(name: str) -> object:
        # It imports what actions are made of; whoever only looks for plugins does without.
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("synapse_core.discovery.plugin_discovery"), name)

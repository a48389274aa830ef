"""The variables an action may read, under the name that its author imports."""

from synapse_core.runtime.env import PluginEnvironment

__all__ = ["PluginEnvironment"]

"""What an action is given to work with, under the names that its author imports."""

from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.env import PluginEnvironment

__all__ = ["PluginEnvironment", "RuntimeContext"]

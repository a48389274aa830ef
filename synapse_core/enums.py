"""The closed lists that authors of plugins choose from."""

from synapse_core.model.event import LogLevel
from synapse_core.model.plugin import ActionMethod, PluginCategory
from synapse_core.model.run import RunStatus

__all__ = ["ActionMethod", "LogLevel", "PluginCategory", "RunStatus"]

"""What lists of plugins and pipelines say of plugins that cannot be read."""

from synapse_core.operations.plugins import broken_plugins
from synapse_core.workspace import Workspace
from synapse_mcp.cli.output import note

__all__ = ["note_left_out"]

_MOST = 10


def note_left_out(workspace: Workspace) -> None:
    """Tell which plugins the list does not have, and why."""
    broken = broken_plugins(workspace)
    for plugin in broken[:_MOST]:
        note(f"Left out: {plugin.fault}")
    if len(broken) > _MOST:
        note(f"{len(broken) - _MOST} more are left out; `synapse doctor` names them.")

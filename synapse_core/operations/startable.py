"""What can be started: plugins, actions and pipelines of the machine that has the runs."""

from synapse_core.model.plugin import Plugin, PluginCategory
from synapse_core.model.run import Page
from synapse_core.operations.plugin_documents import parse_action, parse_page, parse_plugin
from synapse_core.operations.plugins import ActionDescription, find_plugin, search_plugins
from synapse_core.workspace import Workspace

__all__ = ["describe_what_starts", "find_what_starts", "search_what_starts"]

_FOLDERS = frozenset({".", ".."})
"""No code of a plugin, and nothing that a URL can ask for."""


def search_what_starts(
    workspace: Workspace,
    query: str = "",
    *,
    category: PluginCategory | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Plugin]:
    """Return plugins as `search_plugins` does; those of the service where one has the runs.

    Raises:
        CursorError: The cursor was made for another list.
    """
    if workspace.service is None:
        return search_plugins(workspace, query, category=category, limit=limit, cursor=cursor)
    return parse_page(
        workspace.service.plugins(query, category=category, limit=limit, cursor=cursor)
    )


def find_what_starts(workspace: Workspace, reference: str) -> Plugin:
    """Return the plugin of this code where the runs are, or in this folder of this machine.

    Raises:
        PluginNotFoundError: There is no such plugin.
    """
    if workspace.service is None or "/" in reference or reference in _FOLDERS:
        return find_plugin(workspace, reference)
    return parse_plugin(workspace.service.plugin(reference))


def describe_what_starts(workspace: Workspace, plugin: Plugin, name: str) -> ActionDescription:
    """Return what can be started by a name of a plugin that `find_what_starts` returned.

    Raises:
        ActionLoadError: The action cannot be imported, or is none.
        ActionNotFoundError: The plugin has neither an action nor a pipeline of this name.
        PipelineDefinitionError: The pipeline cannot be executed.
    """
    if workspace.service is None or plugin.path.is_absolute():
        from synapse_core.operations.pipelines.verbs import (  # noqa: PLC0415 - delays the first call of any tool
            describe_startable,
        )

        return describe_startable(workspace, plugin, name)
    return parse_action(workspace.service.action(plugin.code, name))

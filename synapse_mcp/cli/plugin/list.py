"""`synapse plugin list`."""

from typing import Annotated

import typer

from synapse_core.model.plugin import Plugin, PluginCategory
from synapse_core.operations.plugins import pipeline_names
from synapse_core.operations.startable import search_what_starts
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.left_out import note_left_out
from synapse_mcp.cli.opening import open_plugins, require_service
from synapse_mcp.cli.options import JsonOption, ServiceOption
from synapse_mcp.cli.output import Output, note, to_json

__all__ = ["list_plugins", "plugin_row_json"]

_NONE_HERE = "No plugins here. Make one: synapse plugin create NAME"


def list_plugins(
    query: Annotated[
        str, typer.Argument(metavar="[WORDS]", help="Only plugins with these words.")
    ] = "",
    *,
    category: Annotated[
        PluginCategory | None, typer.Option("--category", "-c", help="Only plugins of this kind.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many.")] = 100,
    cursor: Annotated[
        str | None,
        typer.Option("--cursor", metavar="TEXT", help="Go on where an earlier list ended."),
    ] = None,
    service: ServiceOption = False,
    as_json: JsonOption = False,
) -> int:
    """List the plugins there are, in the current folder and in the registered ones.

    With --service: those whose actions and pipelines `synapse run start` starts there.
    """
    with open_plugins(service=require_service() if service else None) as workspace:
        page = search_what_starts(workspace, query, category=category, limit=limit, cursor=cursor)
        if not service:
            note_left_out(workspace)
    output = Output(as_json=as_json)
    if as_json:
        plugins = [plugin_row_json(plugin) for plugin in page.items]
        output.json({"plugins": plugins, "next_cursor": page.next_cursor})
        return ExitCode.DONE
    if not page.items:
        note("The service has no plugins." if service else _NONE_HERE)
        return ExitCode.DONE
    rows = [
        (
            plugin.code,
            plugin.version,
            plugin.category.value,
            ", ".join([*plugin.actions, *(pipeline_names(plugin) if service else ())]),
            "" if service else str(plugin.path),
        )
        for plugin in page.items
    ]
    output.table(("plugin", "version", "category", "actions", "path"), rows)
    if page.next_cursor is not None:
        note(f"More: add --cursor {page.next_cursor}")
    return ExitCode.DONE


def plugin_row_json(plugin: Plugin) -> dict[str, object]:
    """Return the plugin for programs; of its variables only the names."""
    return {
        "plugin": plugin.code,
        "name": plugin.name,
        "version": plugin.version,
        "category": plugin.category,
        "description": plugin.description,
        "path": plugin.path if plugin.path.is_absolute() else None,
        "variables": sorted(plugin.env),
        "actions": [to_json(action) for action in plugin.actions.values()],
    }

"""`synapse plugin describe`."""

import json
from typing import Annotated

import typer

from synapse_core.model.plugin import Plugin
from synapse_core.operations.plugins import ActionDescription
from synapse_core.operations.startable import describe_what_starts, find_what_starts
from synapse_mcp.cli.completion import complete_actions, complete_plugins
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.opening import open_plugins, require_service
from synapse_mcp.cli.options import JsonOption, ServiceOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import plugin_here
from synapse_mcp.cli.plugin.list import plugin_row_json
from synapse_mcp.cli.plugin.schema_text import param_rows

__all__ = ["describe"]


def describe(
    plugin: Annotated[
        str | None,
        typer.Argument(
            metavar="[PLUGIN]",
            help="Code of a plugin, or path of its folder; else the plugin you are in.",
            autocompletion=complete_plugins,
        ),
    ] = None,
    action: Annotated[
        str | None,
        typer.Argument(
            metavar="[ACTION]", help="One of its actions.", autocompletion=complete_actions
        ),
    ] = None,
    *,
    service: ServiceOption = False,
    as_json: JsonOption = False,
) -> int:
    """Describe a plugin, or one of its actions.

    For an action: its params, an example, and the command that runs it.
    """
    reference = plugin if service and plugin is not None else plugin_here(plugin)
    output = Output(as_json=as_json)
    with open_plugins([reference], service=require_service() if service else None) as workspace:
        found = find_what_starts(workspace, reference)
        if action is None:
            _tell_plugin(found, output)
            return ExitCode.DONE
        described = describe_what_starts(workspace, found, action)
    if as_json:
        told = {"plugin": found.code, "action": described.spec, "schema": described.schema}
        output.json(told)
    else:
        _tell_action(described, output)
    return ExitCode.DONE


def _tell_plugin(plugin: Plugin, output: Output) -> None:
    if output.as_json:
        output.json(plugin_row_json(plugin))
        return
    output.line(f"{plugin.code} {plugin.version}", "bold")
    if plugin.description:
        output.line(plugin.description)
    output.fields(
        {
            "name": plugin.name,
            "category": plugin.category.value,
            "path": str(plugin.path) if plugin.path.is_absolute() else "",
            "variables": ", ".join(sorted(plugin.env)),
        }
    )
    output.line()
    rows = [
        (spec.name, spec.description or spec.title, spec.entrypoint)
        for spec in plugin.actions.values()
    ]
    output.table(("action", "what it does", "entrypoint"), rows)
    declared = plugin.manifest.get("pipelines")
    if isinstance(declared, dict) and declared:
        output.line()
        told = [
            (name, str(entry.get("description", "")) if isinstance(entry, dict) else "")
            for name, entry in declared.items()
        ]
        output.table(("pipeline", "what it does"), told)


def _tell_action(described: ActionDescription, output: Output) -> None:
    plugin, spec, schema = described.plugin, described.spec, described.schema
    output.line(f"{plugin.code}/{spec.name}", "bold")
    if spec.description:
        output.line(spec.description)
    output.fields(
        {
            "entrypoint": spec.entrypoint,
            "file": f"{spec.file}:{spec.line}" if spec.file else "",
            "method": spec.method.value,
            "input": spec.input_type or "",
            "output": spec.output_type or "",
            "timeout": f"{spec.timeout_s:g} s" if spec.timeout_s is not None else "",
            "retries": str(spec.retry.retries or ""),
        }
    )
    rows = param_rows(schema.params)
    output.line()
    if rows:
        output.table(("param", "type", "default", "what it is"), rows)
    else:
        output.line("It takes no params.")
    output.line()
    example = json.dumps(schema.example, ensure_ascii=False)
    if plugin.path.is_absolute():
        output.line(f"synapse plugin run {spec.name} --plugin {plugin.path} --params '{example}'")
    else:
        output.line(f"synapse run start {plugin.code} {spec.name} --params '{example}'")

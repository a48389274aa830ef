"""`synapse plugin add-action`."""

from typing import Annotated

import typer

from synapse_core.operations.scaffolding import ActionForm, AddAction
from synapse_core.operations.scaffolding import add_action as add
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import (
    DescriptionOption,
    DryRunOption,
    ForceOption,
    JsonOption,
    PluginOption,
    TitleOption,
)
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import plugin_here
from synapse_mcp.cli.plugin.scaffold_view import show_scaffold

__all__ = ["add_action"]


def add_action(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the action.")],
    *,
    plugin: PluginOption = None,
    form: Annotated[
        ActionForm, typer.Option("--form", "-f", help="Write a class or a function.")
    ] = ActionForm.CLASS,
    title: TitleOption = "",
    description: DescriptionOption = "",
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> int:
    """Add an action to a plugin: its module, a test, and its entry in config.yaml.

    Comments and order of config.yaml stay as they are.

    Example: synapse plugin add-action resize --form function --dry-run
    """
    reference = plugin_here(plugin)
    request = AddAction(
        plugin=reference,
        action=name,
        form=form,
        title=title,
        description=description,
        force=force,
        dry_run=dry_run,
    )
    output = Output(as_json=as_json)
    with open_plugins([reference]) as workspace:
        report = add(workspace, request)
    return show_scaffold(report, output)

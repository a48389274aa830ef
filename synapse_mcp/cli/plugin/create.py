"""`synapse plugin create`."""

from pathlib import Path
from typing import Annotated

import typer

from synapse_core.model.plugin import PluginCategory
from synapse_core.operations.scaffolding import CreatePlugin, create_plugin
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import (
    DescriptionOption,
    DryRunOption,
    ForceOption,
    JsonOption,
    TitleOption,
)
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.plugin.scaffold_view import show_scaffold

__all__ = ["create"]


def create(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Its code: lower-case letters, digits and single underscores."
        ),
    ],
    *,
    category: Annotated[
        PluginCategory,
        typer.Option("--category", "-c", help="What it is for; chooses the template."),
    ] = PluginCategory.CUSTOM,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--dir", "-d", metavar="DIR", help="Where to put its folder; else the current folder."
        ),
    ] = None,
    action: Annotated[
        str, typer.Option("--action", "-a", metavar="NAME", help="Name of its first action.")
    ] = "",
    title: TitleOption = "",
    description: DescriptionOption = "",
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> int:
    """Make a new plugin from a template. It is valid, has tests, and runs at once.

    No file is replaced unless --force is given, and then --dry-run shows what would be lost.

    Example: synapse plugin create shapes --category data_validation
    """
    request = CreatePlugin(
        code=name,
        category=category,
        folder=folder.expanduser().absolute() if folder is not None else None,
        action=action,
        title=title,
        description=description,
        force=force,
        dry_run=dry_run,
    )
    output = Output(as_json=as_json)
    with open_plugins([_existing(request.folder)] if request.folder else []) as workspace:
        report = create_plugin(workspace, request)
    return show_scaffold(report, output)


def _existing(folder: Path) -> str:
    """Return the folder, or the nearest above it that is there: whoever names one may write it."""
    return str(next(path for path in (folder, *folder.parents) if path.is_dir()))

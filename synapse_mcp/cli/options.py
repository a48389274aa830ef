"""Options and arguments that several commands share."""

from typing import Annotated

import typer

from synapse_mcp.cli.completion import (
    complete_actions,
    complete_environments,
    complete_plugins,
    complete_runs,
)

__all__ = [
    "ActionArgument",
    "DescriptionOption",
    "DryRunOption",
    "EnvironmentArgument",
    "EnvironmentOption",
    "ForceOption",
    "JsonOption",
    "OptionalPluginArgument",
    "ParamsOption",
    "PluginArgument",
    "PluginOption",
    "RunArgument",
    "ServiceOption",
    "TitleOption",
    "VariablesOption",
    "YesOption",
]

JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]

ServiceOption = Annotated[
    bool,
    typer.Option("--service", help="Ask the service of the active environment instead."),
]

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Id of a run, a part of one that no other has, or `last`.",
        autocompletion=complete_runs,
    ),
]

PluginArgument = Annotated[
    str,
    typer.Argument(
        metavar="PLUGIN",
        help="Code of a plugin, or path of its folder.",
        autocompletion=complete_plugins,
    ),
]

OptionalPluginArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[PLUGIN]",
        help="Code of a plugin, or path of its folder; else the plugin you are in.",
        autocompletion=complete_plugins,
    ),
]

PluginOption = Annotated[
    str | None,
    typer.Option(
        "--plugin",
        "-P",
        metavar="PLUGIN",
        help="Code of a plugin, or path of its folder; else the plugin the current folder is in.",
        autocompletion=complete_plugins,
    ),
]

ActionArgument = Annotated[
    str,
    typer.Argument(metavar="ACTION", help="Name of an action.", autocompletion=complete_actions),
]

ParamsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--params",
        "-p",
        metavar="PARAMS",
        help="key=value with dotted keys and JSON values, a JSON object, @FILE (JSON or YAML), "
        "or - for stdin. May be repeated; later ones win.",
    ),
]

VariablesOption = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="NAME=VALUE", help="Variable for the run. May be repeated."),
]

EnvironmentOption = Annotated[
    str | None,
    typer.Option(
        "--environment",
        "-e",
        metavar="NAME",
        help="Environment whose variables the run gets; else the active one.",
        autocompletion=complete_environments,
    ),
]

EnvironmentArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Name of an environment.", autocompletion=complete_environments
    ),
]

TitleOption = Annotated[str, typer.Option("--title", metavar="TEXT", help="Its name for people.")]

DescriptionOption = Annotated[
    str, typer.Option("--description", metavar="TEXT", help="What it does, in a sentence.")
]

ForceOption = Annotated[
    bool, typer.Option("--force", help="Replace files that are there with other content.")
]

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would be written, as a diff.")
]

"""Options about clients that several commands share."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from synapse_core.operations.clients import (
    ClientScope,
    Machine,
    ServerCommand,
    client_names,
    default_roots,
    server_command,
    this_machine,
)

__all__ = [
    "ClientOption",
    "NameOption",
    "RootsOption",
    "ScopeOption",
    "ServerArguments",
    "machine_here",
    "server_for",
]

ClientOption = Annotated[
    str,
    typer.Option(
        "--client",
        "-c",
        metavar="NAME",
        help=f"Which client: {', '.join(client_names())}.",
        autocompletion=lambda: list(client_names()),
    ),
]

ScopeOption = Annotated[
    ClientScope,
    typer.Option(
        "--scope",
        help="For whom: you everywhere (user), everybody in this project (project), or you in this "
        "project (local; Claude Code only).",
    ),
]

RootsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--root",
        metavar="DIR",
        help="Folder with plugins. May be repeated. Default: where the client starts the server, "
        "or the current folder for clients that start it nowhere in particular.",
    ),
]

NameOption = Annotated[
    str, typer.Option("--name", metavar="NAME", help="What the client calls the server.")
]

ServerArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[-- SERVER_OPTIONS]...", help="Options of synapse-mcp, such as -- --read-only."
    ),
]


def machine_here() -> Machine:
    """Return the machine that this process runs on."""
    return this_machine(os.environ)


def server_for(
    client: str, scope: ClientScope, roots: Sequence[Path] | None, further: Sequence[str] | None
) -> ServerCommand:
    """Return how the client starts the server."""
    chosen = roots or default_roots(client, scope, machine_here())
    return server_command(chosen, further or (), environ=os.environ)

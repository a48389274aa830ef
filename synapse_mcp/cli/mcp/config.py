"""`synapse mcp config`."""

from synapse_core.operations.clients import SERVER_NAME, ClientScope, render_entry
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.mcp.choosing import (
    ClientOption,
    NameOption,
    RootsOption,
    ScopeOption,
    ServerArguments,
    machine_here,
    server_for,
)
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output, note

__all__ = ["config"]


def config(
    options: ServerArguments = None,
    *,
    client: ClientOption,
    scope: ScopeOption = ClientScope.USER,
    roots: RootsOption = None,
    name: NameOption = SERVER_NAME,
    as_json: JsonOption = False,
) -> int:
    """Print what a client needs to be told, to add by hand.

    Example: synapse mcp config --client vscode --scope project
    """
    server = server_for(client, scope, roots, options)
    path, text = render_entry(client, scope, server, name, machine_here())
    output = Output(as_json=as_json)
    if as_json:
        output.json(
            {"client": client, "scope": scope, "path": path, "text": text, "server": server}
        )
    else:
        note(f"Add to {path}:")
        output.raw(text if text.endswith("\n") else f"{text}\n")
    return ExitCode.DONE

"""`synapse mcp install`."""

import difflib
from typing import Annotated

import typer

from synapse_core.logs.redact import Redactor
from synapse_core.operations.clients import (
    SERVER_NAME,
    ClientChange,
    ClientScope,
    install_client,
    uninstall_client,
)
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
from synapse_mcp.cli.mcp.warming import warm_start
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output, note
from synapse_mcp.cli.places import this_home

__all__ = ["install"]

_DIFF_STYLES = {"+": "green", "-": "red", "@": "dim"}


def install(
    options: ServerArguments = None,
    *,
    client: ClientOption,
    scope: ScopeOption = ClientScope.USER,
    roots: RootsOption = None,
    name: NameOption = SERVER_NAME,
    uninstall: Annotated[
        bool, typer.Option("--uninstall", help="Take the server off the client's list.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change and write nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """List the server with an MCP client.

    Only the one entry in the client's file changes: comments, other servers and what you added to
    the entry stay. The file as it was is kept in the backups folder of the home. A file that cannot
    be understood is left alone. The server is started once, so that its next start is quick.

    Example: synapse mcp install --client claude-code
    """
    home, machine = this_home(), machine_here()
    warmed, fault = False, None
    if uninstall:
        change = uninstall_client(home, client, scope, machine=machine, name=name, dry_run=dry_run)
    else:
        server = server_for(client, scope, roots, options)
        change = install_client(
            home, client, scope, server, machine=machine, name=name, dry_run=dry_run
        )
        if not dry_run:
            fault = warm_start(server)
            warmed = fault is None
    output = Output(as_json=as_json)
    if as_json:
        output.json(
            {
                "client": change.client,
                "scope": change.scope,
                "path": change.path,
                "is_changed": change.is_changed,
                "backup": change.backup,
                "dry_run": dry_run,
                "diff": _diff(change),
                "next_step": change.next_step,
                "is_warm": warmed,
            }
        )
    else:
        _tell(change, output, uninstall=uninstall, dry_run=dry_run)
        if warmed:
            output.line("The server has been started once, so that its next start is quick.")
    if fault is not None:
        note(f"The server could not be started once to make its next start quick: {fault}")
    return ExitCode.DONE


def _tell(change: ClientChange, output: Output, *, uninstall: bool, dry_run: bool) -> None:
    if not change.is_changed:
        state = "does not list" if uninstall else "already lists"
        output.line(f"{change.title} {state} the server in {change.path}; nothing changed.")
        return
    if dry_run:
        output.line(f"{change.path} would change:")
        for line in _diff(change):
            output.line(line, _DIFF_STYLES.get(line[:1], ""))
        return
    word = "Removed from" if uninstall else "Listed with"
    output.line(f"{word} {change.title}: {change.path}", "green")
    if change.backup is not None:
        output.line(f"The file as it was: {change.backup}")
    output.line(change.next_step)


def _diff(change: ClientChange) -> list[str]:
    """Return the lines that differ; those around them may hold secrets of other servers."""
    hide = Redactor([]).text
    lines = difflib.unified_diff(
        change.before.splitlines(),
        change.after.splitlines(),
        str(change.path),
        str(change.path),
        lineterm="",
        n=0,
    )
    return [hide(line) for line in lines]

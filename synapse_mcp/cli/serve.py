"""`synapse serve`."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output, note
from synapse_mcp.cli.places import this_home

if TYPE_CHECKING:
    from synapse_core.config.home import Home

__all__ = ["serve"]

_MIB = 1 << 20


def serve(
    *,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Address to listen at; beyond loopback a token of your own and --allow-host "
            "are needed.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port; 0 for any free one.")
    ] = 8100,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TEXT",
            help="Token of scope admin. Others on this machine see it in the list of processes: "
            "prefer SYNAPSE_SERVICE_TOKEN or --token-file.",
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="File with a line `SCOPE TOKEN` for each token; scopes are read, run, admin.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="Name by which clients reach this machine. May be repeated.",
        ),
    ] = None,
    root: Annotated[
        list[Path] | None,
        typer.Option(
            "--root",
            metavar="DIR",
            help="Folder with plugins besides the current one and the registered ones. May be "
            "repeated.",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="URL",
            help="Where the home keeps its runs from now on: postgresql://…, or `sqlite` for its "
            "own file. Others on this machine see a password in it: prefer SYNAPSE_STORE.",
        ),
    ] = None,
    max_body_mib: Annotated[
        int, typer.Option("--max-body", min=1, metavar="MIB", help="Largest request, in MiB.")
    ] = 32,
    requests_per_s: Annotated[
        int,
        typer.Option("--rate", min=1, metavar="N", help="Requests of one token per second."),
    ] = 500,
    as_json: JsonOption = False,
) -> int:
    """Serve the runs of this machine over HTTP.

    Clients start runs here, read their logs and files, and follow them; workers on other machines
    send their events. It listens until Ctrl-C; runs that were started go on. With --json, its
    address is written as soon as clients can connect.

    Example: synapse serve --port 8100 --token-file tokens.txt
    """
    # Starlette and uvicorn take 150 ms to import, and no other command needs them.
    from synapse_core.operations.stores import choose_store  # noqa: PLC0415 - see above
    from synapse_core.service.limits import Limits  # noqa: PLC0415 - see above
    from synapse_core.service.serving import (  # noqa: PLC0415 - see above
        Address,
        find_tokens,
        make_server,
    )

    home = this_home()
    choose_store(home, store, os.environ)
    address = Address(host=host, port=port, allowed_hosts=tuple(allow_host or ()))
    tokens = find_tokens(address, home, os.environ, token=token, file=token_file)
    is_given = token is not None or token_file is not None
    limits = Limits(
        max_body_bytes=max_body_mib * _MIB,
        requests_per_s=float(requests_per_s),
        burst=4 * requests_per_s,
    )
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    with open_plugins([f"{folder}{os.sep}" for folder in root or ()]) as workspace:
        server = make_server(
            workspace,
            address,
            tokens,
            limits=limits,
            announce=lambda url: _announce(url, home, Output(as_json=as_json), is_given=is_given),
        )
        server.serve_until_told()
    return ExitCode.DONE


def _announce(url: str, home: "Home", output: Output, *, is_given: bool) -> None:
    from synapse_core.operations.stores import where_runs_are  # noqa: PLC0415 - see above
    from synapse_core.service.serving import TOKEN_VARIABLE, token_file  # noqa: PLC0415 - see above

    is_made = not is_given and TOKEN_VARIABLE not in os.environ
    if output.as_json:
        kept = str(token_file(home)) if is_made else None
        told = {"url": url, "home": str(home.root), "token_file": kept}
        output.json_line({**told, "store": where_runs_are(home)})
        return
    note(f"Serving the runs of {home.root} at {url}; OpenAPI document at {url}/openapi.json")
    if (kept_in := where_runs_are(home)) != str(home.database):
        note(f"Runs are kept in {kept_in}.")
    if is_made:
        note(f"Clients send the token in {token_file(home)} as `Authorization: Bearer TOKEN`.")
    note(f"Use it from another shell: synapse env add NAME --url {url} --token --use")

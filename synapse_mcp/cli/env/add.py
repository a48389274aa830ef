"""`synapse env add`."""

import getpass
import sys
from typing import Annotated

import typer

from synapse_core.config.environments import Environment
from synapse_core.operations.environments import add_environment
from synapse_mcp.cli.env.viewing import write_environment
from synapse_mcp.cli.failures import ExitCode, UsageFault
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.params import parse_variables
from synapse_mcp.cli.places import this_home

__all__ = ["add"]

_MAX_TOKEN_CHARS = 10_000


_TokenOption = Annotated[
    bool,
    typer.Option(
        "--token", help="Ask for its token without showing it; from stdin if that is a pipe."
    ),
]

_TokenVariableOption = Annotated[
    str | None,
    typer.Option(
        "--token-variable", metavar="NAME", help="Variable that holds its token when needed."
    ),
]


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is chosen by.")],
    *,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Base URL of its service.")
    ] = None,
    token: _TokenOption = False,
    token_variable: _TokenVariableOption = None,
    variables: Annotated[
        list[str] | None,
        typer.Option(
            "--set", "-s", metavar="NAME=VALUE", help="Variable for its runs. May be repeated."
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an environment of this name.")
    ] = False,
    use: Annotated[bool, typer.Option("--use", help="Make it the active one.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Add an environment.

    The first one becomes the active one. A token is never an argument: those are seen by all users
    of a machine, and stay in the history of the shell.

    Example: synapse env add dev --url https://synapse.example.com --token
    """
    if token and token_variable is not None:
        raise UsageFault("--token and --token-variable are given.", hint="Give one of them.")
    environment = Environment(
        name=name,
        service_url=url,
        token=_ask_token() if token else None,
        token_variable=token_variable,
        variables=parse_variables(variables or []),
    )
    view = add_environment(this_home(), environment, replace=replace, activate=use)
    output = Output(as_json=as_json)
    if as_json:
        output.json(view)
    else:
        write_environment(output, view)
    return ExitCode.DONE


def _ask_token() -> str:
    if sys.stdin.isatty():
        # Not typer's prompt: it asks before it hides what is typed.
        try:
            token = getpass.getpass("Token: ", stream=sys.stderr)
        except EOFError:
            token = ""
    else:
        token = sys.stdin.readline(_MAX_TOKEN_CHARS + 1)
    token = token.strip()
    if not token:
        raise UsageFault("The token is empty.", hint="Type it, or pipe it in: … | synapse env add")
    if len(token) > _MAX_TOKEN_CHARS or not token.isprintable():
        raise UsageFault(
            "That is no token: it is too long, or holds control characters.",
            hint="Pipe the token itself, on one line.",
        )
    return token

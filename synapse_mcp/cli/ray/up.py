"""`synapse ray up`."""

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from synapse_core.operations.clusters.text import describe_cluster
from synapse_core.operations.clusters.verbs import start_cluster
from synapse_mcp.cli.failures import ExitCode, UsageFault
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home

__all__ = ["up"]


def up(
    *,
    cpus: Annotated[
        int | None, typer.Option("--cpus", min=1, help="CPU cores it offers; else all there are.")
    ] = None,
    gpus: Annotated[
        int | None, typer.Option("--gpus", min=0, help="GPUs it offers; else all that are found.")
    ] = None,
    resources: Annotated[
        list[str] | None,
        typer.Option(
            "--resource",
            metavar="NAME=AMOUNT",
            help="What else it offers, for runs that ask for it by this name. May be repeated.",
        ),
    ] = None,
    idle_s: Annotated[
        float,
        typer.Option(
            "--idle", min=1, metavar="SECONDS", help="Stop by itself after so long without a run."
        ),
    ] = 900.0,
    as_json: JsonOption = False,
) -> int:
    """Start the Ray cluster of this machine.

    Runs started with `--on actor` or `--on job` start it too, when it is not there. It listens with
    a token of its own, sends nothing home, and stops when nothing needed it for a while.
    """
    custom = _amounts(resources or [])
    view = start_cluster(
        this_home(), os.environ, cpus=cpus, gpus=gpus, custom=custom, idle_s=idle_s
    )
    output = Output(as_json=as_json)
    if as_json:
        output.json(view)
    else:
        output.line(describe_cluster(view))
        output.line(f"Dashboard: {view.dashboard_url}")
    return ExitCode.DONE


def _amounts(given: Sequence[str]) -> dict[str, float]:
    amounts: dict[str, float] = {}
    for word in given:
        name, _, amount = word.partition("=")
        try:
            amounts[name] = float(amount)
        except ValueError:
            raise UsageFault(
                f"{word!r} is no NAME=AMOUNT.", hint="Write for example --resource fpga=1."
            ) from None
    return amounts

"""Options of the commands that start runs."""

from typing import Annotated

import typer

__all__ = ["ExecutorOption", "PlanOnlyOption", "RetriesOption", "TimeoutOption"]

ExecutorOption = Annotated[
    str,
    typer.Option(
        "--on",
        "--executor",
        metavar="NAME",
        help="Where it runs: local, actor or job on Ray, or a cluster of the environment.",
    ),
]

TimeoutOption = Annotated[
    float | None,
    typer.Option("--timeout", min=0, metavar="SECONDS", help="Limit on each attempt."),
]

RetriesOption = Annotated[
    int | None, typer.Option("--retries", min=0, help="Attempts after the first.")
]

PlanOnlyOption = Annotated[
    bool, typer.Option("--dry-run", help="Check everything and start nothing.")
]

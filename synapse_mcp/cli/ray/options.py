"""Arguments that the commands about Ray share."""

from typing import Annotated

import typer

__all__ = ["ClusterArgument"]

ClusterArgument = Annotated[
    str,
    typer.Argument(
        metavar="[CLUSTER]",
        help="Name of a cluster of the active environment, or address of its head; else the one "
        "of this machine.",
    ),
]

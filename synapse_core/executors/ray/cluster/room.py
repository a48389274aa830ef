"""Whether a cluster has what a run asks for, or could ever give it."""

import math
from collections.abc import Iterable, Mapping, Sequence

from synapse_core.errors import InvalidInputError

__all__ = ["check_room", "count_rooms"]

_DIGITS = 4
_LEFT = 1e-6


def check_room(wanted: Mapping[str, float], nodes: Sequence[Mapping[str, float]]) -> None:
    """Refuse what no machine has; Ray would wait for it for ever.

    Args:
        wanted: Amounts by the names that Ray has for them.
        nodes: What each machine has in all.

    Raises:
        InvalidInputError: More is asked for than any of them has, or what Ray cannot divide.
    """
    _refuse_parts(wanted)
    if any(_fits(wanted, has) for has in nodes):
        return
    asked = ", ".join(f"{name} {value:g}" for name, value in wanted.items() if value)
    most = {name: max((has.get(name, 0) for has in nodes), default=0) for name in wanted}
    there = ", ".join(f"{name} {value:g}" for name, value in most.items())
    raise InvalidInputError(
        f"No node of the cluster has what the run asks for: {asked}.",
        hint=f"The most that one node has: {there}. Lower `resources` of the action in "
        "config.yaml, or add a node.",
        nodes=len(nodes),
    )


def count_rooms(wanted: Mapping[str, float], free: Iterable[Mapping[str, float]]) -> float:
    """Return how many times the machines have what is wanted, each time on one of them.

    Args:
        wanted: Amounts by the names that Ray has for them; of nothing there is any number.
        free: What each machine has left.
    """
    asked = {name: value for name, value in wanted.items() if value}
    if not asked:
        return math.inf
    # Ray counts ten-thousandths; what is left of sums of them is a little more or less.
    return sum(
        min(int(has.get(name, 0) / value + _LEFT) for name, value in asked.items()) for has in free
    )


def _fits(wanted: Mapping[str, float], has: Mapping[str, float]) -> bool:
    return all(has.get(name, 0) >= value for name, value in wanted.items() if value)


def _refuse_parts(wanted: Mapping[str, float]) -> None:
    for name, value in wanted.items():
        if round(value, _DIGITS) != value:
            raise InvalidInputError(
                f"{name} {value:g} is too fine: Ray counts ten-thousandths.",
                hint="Give no more than four decimals.",
            )
    gpus = wanted.get("GPU", 0.0)
    if gpus > 1 and not float(gpus).is_integer():
        raise InvalidInputError(
            f"{gpus:g} GPUs cannot be: one may be shared, several are taken whole.",
            hint=f"Ask for a part of one, such as 0.5, or for {int(gpus)} or {int(gpus) + 1}.",
        )

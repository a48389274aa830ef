"""Whether a cluster could ever give what a run asks for; Ray would wait for it for ever."""

from collections.abc import Mapping, Sequence

from synapse_core.errors import InvalidInputError

__all__ = ["check_room", "fits"]


def check_room(wanted: Mapping[str, float], nodes: Sequence[Mapping[str, float]]) -> None:
    """Refuse what no machine has.

    Args:
        wanted: Amounts by the names that Ray has for them.
        nodes: What each machine has in all.

    Raises:
        InvalidInputError: More is asked for than any of them has.
    """
    if any(fits(wanted, has) for has in nodes):
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


def fits(wanted: Mapping[str, float], has: Mapping[str, float]) -> bool:
    """Whether there is as much of everything."""
    return all(has.get(name, 0) >= value for name, value in wanted.items() if value)

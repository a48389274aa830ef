"""Says in a line how a Ray cluster stands."""

from collections.abc import Mapping

from synapse_core.operations.clusters.verbs import ClusterView

__all__ = ["describe_amounts", "describe_cluster"]

_BYTES = frozenset({"memory", "object_store_memory"})

_OUTDATED = (
    " It executes Synapse as it was before an upgrade, and is replaced by the next run that finds "
    "nothing active on it."
)


def describe_cluster(view: ClusterView) -> str:
    """Return the line."""
    if view.problem:
        return f"The cluster {view.name} cannot be looked at: {view.problem}"
    if not view.is_up:
        state = "is starting" if view.address else "is not running; it starts when it is needed"
        if not view.is_ours:
            state = f"at {view.address} is connected to when a run is placed on it"
        if not view.is_ours and not view.address:
            state = f"takes jobs at {view.dashboard_url}"
        return f"The cluster {view.name} {state}."
    alive = sum(node.is_alive for node in view.nodes)
    return (
        f"The cluster {view.name} is up at {view.address} (Ray {view.ray_version}): "
        f"{_counted(alive, 'node')}, {_counted(view.active, 'active run')}"
        f"{f', {view.waiting} of them waiting for room' if view.waiting else ''}; "
        f"free: {describe_amounts(view.free, of=view.total)}."
        f"{_OUTDATED if view.is_outdated else ''}"
    )


def describe_amounts(amounts: Mapping[str, float], of: Mapping[str, float]) -> str:
    """Return what is there of what there could be, such as `CPU 1/2, memory 20.1/24.2 GB`."""
    return ", ".join(
        f"{name} {_amount(name, amounts.get(name, 0.0))}/{_amount(name, total)}"
        + (" GB" if name in _BYTES else "")
        for name, total in of.items()
    )


def _amount(name: str, value: float) -> str:
    return f"{value / 1e9:.1f}" if name in _BYTES else f"{value:g}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"

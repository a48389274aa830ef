"""Looks at the Ray cluster of this machine, without starting one."""

from collections.abc import Iterator, Mapping

from synapse_core.config.home import Home
from synapse_core.executors.ray.extra import is_installed
from synapse_core.operations.findings import Finding, FindingLevel
from synapse_core.operations.ray import cluster_status
from synapse_core.operations.ray_text import describe_cluster

__all__ = ["check_ray"]


def check_ray(home: Home, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Tell how the cluster stands; nothing when Ray is not installed."""
    if not is_installed():
        return
    view = cluster_status(home, environ)
    yield Finding(
        check="ray",
        level=FindingLevel.OK,
        message=describe_cluster(view),
        facts={"is_up": view.is_up, "active": view.active, "address": view.address},
    )

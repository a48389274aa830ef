"""Looks at the Ray clusters that runs can be placed on, without starting or calling one."""

from collections.abc import Iterator, Mapping

from synapse_core.config.home import Home
from synapse_core.executors.ray.cluster.extra import is_installed
from synapse_core.operations.clusters.text import describe_cluster
from synapse_core.operations.clusters.verbs import ClusterView, list_clusters
from synapse_core.operations.doctor.findings import Finding, FindingLevel

__all__ = ["check_ray"]


def check_ray(home: Home, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Tell how each cluster stands; nothing of that of this machine when Ray is not installed."""
    for view in list_clusters(home, environ):
        if is_installed() or not view.is_ours:
            yield _finding(view)


def _finding(view: ClusterView) -> Finding:
    lost = [node.host for node in view.nodes if not node.is_alive]
    message = describe_cluster(view)
    if lost:
        message += f" Gone: {', '.join(lost)}."
    if view.service_url:
        message += f" Machines that do not see this home use {view.service_url}."
    is_wrong = bool(view.problem) or (view.is_up and len(lost) == len(view.nodes))
    return Finding(
        check="ray",
        level=FindingLevel.WARNING if is_wrong else FindingLevel.OK,
        message=message,
        fix=f"Correct the cluster {view.name} in the configuration." if view.problem else "",
        facts={
            "name": view.name,
            "is_up": view.is_up,
            "active": view.active,
            "waiting": view.waiting,
            "nodes": len(view.nodes) - len(lost),
            "address": view.address,
        },
    )

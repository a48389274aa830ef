"""Finds the executor that a name stands for.

    actor               a worker held by a task on the default cluster
    job                 a job on the default cluster
    gpu                 a worker held by a task on the cluster `gpu` of the configuration
    job@gpu             a job there
    job@http://h:8265   a job on the cluster whose dashboard is at that address
    actor@h:6379        a worker held by a task on the cluster whose head is there
    …,service=URL       the same, where its machines reach the service of this home at the URL

The name is kept with the run, so every process finds the run's executor again.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from synapse_core.config.environments import ClusterEntry, check_service_url
from synapse_core.config.home import Home
from synapse_core.config.service_token import find_service_token
from synapse_core.executors.ray.cluster.places import Cluster, ClusterPlace
from synapse_core.executors.ray.cluster.record import read_live_record
from synapse_core.executors.ray.jobs import RayJobs
from synapse_core.executors.ray.launcher import RayLauncher
from synapse_core.ports import Executor

__all__ = ["ACTOR", "JOB", "SERVED_AT", "find_cluster", "find_executor"]

ACTOR, JOB = "actor", "job"

SERVED_AT = ",service="
"""Before the address of the service, in the name of an executor."""

_TOKEN_VARIABLE = "RAY_AUTH_TOKEN"  # noqa: S105 - the name of Ray's own variable


def find_executor(
    name: str, home: Home, environ: Mapping[str, str], clusters: Mapping[str, ClusterEntry]
) -> Executor | None:
    """Return the executor of this name; None when it stands for none.

    Args:
        name: As above.
        home: Where the runs lie.
        environ: Variables of the calling process.
        clusters: Clusters of the configuration, by name.
    """
    tier, _, where = name.partition("@")
    if tier not in {ACTOR, JOB}:
        tier, where = ACTOR, name
        if where not in clusters:
            return None
    cluster = find_cluster(where, home, environ, clusters)
    if tier == JOB:
        return RayJobs(home, environ, cluster, name=name)
    return RayLauncher(home, environ, cluster, name=name)


def find_cluster(
    where: str, home: Home, environ: Mapping[str, str], clusters: Mapping[str, ClusterEntry]
) -> Cluster:
    """Return the cluster of this name or address; the one of this machine without either.

    Args:
        where: Name in the configuration, `host:port`, `ray://…`, or URL of a dashboard; behind it,
            possibly, where its machines reach the service of this home.
        home: Where the clusters that were started here are noted.
        environ: Variables of the calling process.
        clusters: Clusters of the configuration, by name.

    Raises:
        ConfigError: The address of the service is none.
        StorageError: The token of the service cannot be read.
    """
    place, _, service = where.partition(SERVED_AT)
    cluster = _find_place(place, home, environ, clusters)
    if not service:
        return cluster
    token = cluster.service_token or find_service_token(home, environ)
    return replace(cluster, service_url=check_service_url(service), service_token=token)


def _find_place(
    where: str, home: Home, environ: Mapping[str, str], clusters: Mapping[str, ClusterEntry]
) -> Cluster:
    if not where:
        return Cluster()
    if (entry := clusters.get(where)) is not None:
        return Cluster(
            name=where,
            address=entry.address or "",
            dashboard_url=entry.dashboard,
            token=entry.find_token(environ),
            service_url=entry.service or "",
            service_token=entry.find_service_token(environ) or "",
            python=entry.python,
        )
    is_dashboard = where.startswith(("http://", "https://"))
    ours = read_live_record(ClusterPlace(home, Cluster().name).record)
    if ours is not None and _is_same(where, (ours.dashboard_url, ours.address)):
        return Cluster()
    return Cluster(
        name=re.sub(r"[^A-Za-z0-9]+", "-", where).strip("-"),
        address="" if is_dashboard else where,
        dashboard_url=where if is_dashboard else None,
        token=environ.get(_TOKEN_VARIABLE),
    )


def _is_same(where: str, known: tuple[str, ...]) -> bool:
    return where.replace("localhost", "127.0.0.1").rstrip("/") in known

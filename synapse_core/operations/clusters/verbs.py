"""Start, look at and stop Ray clusters."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from synapse_core.config.home import Home
from synapse_core.config.settings import load_settings
from synapse_core.errors import InvalidInputError, SynapseError
from synapse_core.executors.ray.choosing import find_cluster
from synapse_core.executors.ray.cluster.extra import require_ray
from synapse_core.executors.ray.cluster.options import ClusterOptions
from synapse_core.executors.ray.cluster.orders import StatusOrder
from synapse_core.executors.ray.cluster.places import LOCAL
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.model.resource_names import explain_bad_resource
from synapse_core.types import JSONObject, JSONValue

__all__ = [
    "ClusterNode",
    "ClusterView",
    "cluster_door",
    "cluster_status",
    "list_clusters",
    "start_cluster",
    "stop_cluster",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNode:
    """A machine of a cluster.

    Attributes:
        host: Its name.
        address: Its address.
        is_alive: Whether it is there.
        resources: What it has.
    """

    host: str
    address: str
    is_alive: bool
    resources: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterView:
    """How a cluster stands.

    Attributes:
        name: What it is chosen by.
        is_up: Whether runs can be placed on it; False while it starts, and when it is not there.
        address: Of its head.
        dashboard_url: Where its dashboard is; empty for none.
        ray_version: Version of Ray.
        active: Runs that are placed on it, waiting ones included.
        waiting: Those of them that wait for room.
        total: What all its nodes have.
        free: What is not reserved.
        nodes: Its machines.
        log: File with what Ray had to say.
        is_ours: Whether it is started and stopped here.
        service_url: Where its machines that do not see the home reach the service that has the
            runs; empty when all of them see it.
        is_outdated: Whether Synapse was upgraded since it was started or connected to, and its
            runs or deployments keep it from being replaced.
        problem: Why nothing more is known of it; empty for nothing.
    """

    name: str
    is_up: bool
    address: str = ""
    dashboard_url: str = ""
    ray_version: str = ""
    active: int = 0
    waiting: int = 0
    total: Mapping[str, float] = field(default_factory=dict[str, float])
    free: Mapping[str, float] = field(default_factory=dict[str, float])
    nodes: tuple[ClusterNode, ...] = ()
    log: str = ""
    is_ours: bool = True
    service_url: str = ""
    is_outdated: bool = False
    problem: str = ""


def list_clusters(home: Home, environ: Mapping[str, str]) -> list[ClusterView]:
    """Return how the cluster of this machine and those of the configuration stand.

    Nothing is started and nobody is connected to: of a cluster that no run here was placed on
    lately, only its address is known.

    Args:
        home: The home whose runs they take.
        environ: Variables of the calling process.

    Raises:
        ConfigError: The configuration cannot be used.
    """
    names = ["", *load_settings(home.config_file).clusters]
    return [_looked_at(home, environ, name) for name in names]


def _looked_at(home: Home, environ: Mapping[str, str], name: str) -> ClusterView:
    try:
        cluster = find_cluster(name, home, environ, load_settings(home.config_file).clusters)
        if cluster.address == "":  # it takes jobs, and nobody is connected to it
            url = cluster.dashboard_url or ""
            return ClusterView(name=name, is_up=False, is_ours=False, dashboard_url=url)
        return cluster_status(home, environ, name)
    except SynapseError as error:
        return ClusterView(name=name or LOCAL, is_up=False, is_ours=not name, problem=str(error))


def start_cluster(
    home: Home,
    environ: Mapping[str, str],
    *,
    cpus: int | None = None,
    gpus: int | None = None,
    custom: Mapping[str, float] | None = None,
    idle_s: float = 900.0,
) -> ClusterView:
    """Start the cluster of this machine, and return when it is up; one that is up is returned.

    Args:
        home: The home whose runs it takes.
        environ: Variables of the calling process.
        cpus: CPU cores it offers; None for those of the machine.
        gpus: GPUs it offers; None for those that are found.
        custom: What else it offers, by the names that runs ask for it by.
        idle_s: Seconds without a run or a job after which it stops by itself.

    Raises:
        MissingExtraError: Ray is not installed.
        InvalidInputError: What it is to offer has no such name, or no such amount.
        WorkerLostError: It did not come up.
    """
    options = ClusterOptions(cpus=cpus, gpus=gpus, custom=custom or {}, idle_s=idle_s)
    _check_offered(options.custom)
    require_ray()
    home.ensure()
    door = cluster_door(home, environ, "")
    door.start(options)
    return _view(door, door.up())


def cluster_status(
    home: Home, environ: Mapping[str, str], name: str = "", *, connect: bool = False
) -> ClusterView:
    """Return how a cluster stands.

    Args:
        home: The home whose runs it takes.
        environ: Variables of the calling process.
        name: Name in the configuration, or an address; empty for the one of this machine.
        connect: Whether to connect to it first if nothing here is connected.

    Raises:
        SynapseError: It could not be started, or cannot be reached.
    """
    door = cluster_door(home, environ, name)
    if door.record() is None and not connect:
        address = door.cluster.address or ""
        return _view(door, {"name": door.cluster.name, "is_up": False, "address": address})
    return _view(door, door.up() if connect else door.ask(StatusOrder()))


def stop_cluster(
    home: Home, environ: Mapping[str, str], name: str = "", *, force: bool = False
) -> bool:
    """Stop the cluster of this machine, or disconnect from a named one, which goes on.

    Returns whether there was anything to stop.

    Args:
        home: The home whose runs it takes.
        environ: Variables of the calling process.
        name: Name in the configuration, or an address; empty for the one of this machine.
        force: Also when runs are active; they are lost then.

    Raises:
        ConflictError: Runs are active.
    """
    return cluster_door(home, environ, name).stop(force=force)


def cluster_door(home: Home, environ: Mapping[str, str], name: str) -> DriverDoor:
    """Return what leads to the driver of a cluster; nothing is started.

    Args:
        home: The home whose runs it takes.
        environ: Variables of the calling process.
        name: Name in the configuration, or an address; empty for the one of this machine.

    Raises:
        InvalidInputError: Only its dashboard is known.
    """
    cluster = find_cluster(name, home, environ, load_settings(home.config_file).clusters)
    if cluster.address == "":
        raise InvalidInputError(
            f"Only the dashboard of {name!r} is known, and that takes jobs only.",
            hint="Add its `address` to the configuration.",
        )
    return DriverDoor(home, environ, cluster)


def _check_offered(custom: Mapping[str, float]) -> None:
    for name, amount in custom.items():
        problem = explain_bad_resource(name)
        if not problem and not 0 < amount < math.inf:
            problem = f"{amount:g} is no amount"
        if problem:
            raise InvalidInputError(
                f"A cluster cannot offer {name!r}: {problem}.",
                hint="Offer what runs ask for under `resources.custom`, such as fpga=1.",
                resource=name,
            )


def _view(door: DriverDoor, told: JSONObject) -> ClusterView:
    nodes = cast("list[JSONObject]", told.get("nodes", []))
    return ClusterView(
        name=str(told["name"]),
        is_up=bool(told["is_up"]),
        address=str(told.get("address", "")),
        dashboard_url=str(told.get("dashboard_url", "")),
        ray_version=str(told.get("ray_version", "")),
        active=int(str(told.get("active", 0))),
        waiting=int(str(told.get("waiting", 0))),
        total=_amounts(told.get("total")),
        free=_amounts(told.get("free")),
        nodes=tuple(
            ClusterNode(
                host=str(node["host"]),
                address=str(node["address"]),
                is_alive=bool(node["is_alive"]),
                resources=_amounts(node["resources"]),
            )
            for node in nodes
        ),
        log=str(door.place.log) if door.place.log.exists() else "",
        is_ours=door.cluster.is_ours,
        service_url=door.cluster.service_url,
        is_outdated=(record := door.record()) is not None and record.is_outdated,
    )


def _amounts(value: JSONValue) -> dict[str, float]:
    return (
        {name: float(str(amount)) for name, amount in value.items()}
        if isinstance(value, dict)
        else {}
    )

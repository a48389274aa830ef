"""How deployments stand, and what their replicas say."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from synapse_core.config.home import Home
from synapse_core.errors import SynapseError, WorkerLostError
from synapse_core.executors.ray.cluster.orders import ServeOrder
from synapse_core.operations.clusters.verbs import cluster_door
from synapse_core.serving.log_files import ServedLine, ServedPage, read_page
from synapse_core.serving.release import Deployment
from synapse_core.serving.reports import ReplicaState, Report, read_reports
from synapse_core.serving.shelf import Shelf
from synapse_core.types import JSONObject

__all__ = [
    "DeploymentState",
    "DeploymentView",
    "Report",
    "ServedLine",
    "ServedPage",
    "deployment_names",
    "follow_deployment_logs",
    "list_deployments",
    "read_deployment_logs",
    "show_deployment",
    "wait_deployment",
]

_LOOK_S = 0.3
_ASK_S = 60.0


class DeploymentState(StrEnum):
    """How a deployment stands."""

    STARTING = "starting"
    """No replica answers yet."""
    RUNNING = "running"
    """All replicas answer with the wanted release."""
    UPDATING = "updating"
    """Some replicas answer, others get ready."""
    DEGRADED = "degraded"
    """It answers, but not as it is wanted; `error` tells why."""
    FAILED = "failed"
    """It does not answer, and will not by itself; `error` tells why."""
    STOPPED = "stopped"
    """Its cluster is down, or does not serve it any more."""
    UNKNOWN = "unknown"
    """Nobody here is connected to its cluster."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing changes by waiting."""
        return self not in {DeploymentState.STARTING, DeploymentState.UPDATING}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentView:
    """A deployment as it stands.

    Attributes:
        name: Its name.
        state: How it stands.
        plugin: Code of the plugin.
        plugin_path: Folder of the plugin, from which an update is made.
        action: Name of the action.
        version: Version of the plugin that is wanted.
        release: Number of the wanted release.
        replicas: How many processes are wanted; the fewest, if their number follows the requests.
        max_replicas: The most of them then; 0 when their number is fixed.
        target_requests: Requests at a time that each of them should have then.
        ready: How many answer with the wanted release.
        url: Where requests go; empty while it is not served.
        error: What is wrong; empty when nothing is.
        cluster: Name or address of its cluster; empty for the one of this machine.
        reports: What its replicas tell.
        created_at: Unix time.
        updated_at: Unix time.
    """

    name: str
    state: DeploymentState
    plugin: str
    plugin_path: str
    action: str
    version: str
    release: int
    replicas: int
    max_replicas: int = 0
    target_requests: float = 0.0
    ready: int = 0
    url: str = ""
    error: str = ""
    cluster: str = ""
    reports: tuple[Report, ...] = ()
    created_at: float = 0.0
    updated_at: float = 0.0

    @property
    def wanted(self) -> str:
        """How many processes are wanted, in words: `2`, or `1-4`."""
        return f"{self.replicas}-{self.max_replicas}" if self.max_replicas else f"{self.replicas}"


def deployment_names(home: Home) -> list[str]:
    """Return the names of the deployments of a home; nobody is asked how they stand."""
    return Shelf(home).names()


def list_deployments(home: Home, environ: Mapping[str, str]) -> tuple[DeploymentView, ...]:
    """Return all deployments of a home; none of their clusters is started for that."""
    shelf = Shelf(home)
    deployments = [found for name in shelf.names() if (found := shelf.find(name)) is not None]
    told = {
        cluster: _ask(home, environ, cluster, connect=False)
        for cluster in {one.cluster for one in deployments}
    }
    return tuple(_view(shelf, one, told[one.cluster]) for one in deployments)


def show_deployment(
    home: Home, environ: Mapping[str, str], name: str, *, connect: bool = True
) -> DeploymentView:
    """Return how a deployment stands.

    Args:
        home: The home that has it.
        environ: Variables of the calling process.
        name: Its name.
        connect: Whether to connect to its cluster first; that of this machine is never started.

    Raises:
        NotFoundError: There is none.
    """
    shelf = Shelf(home)
    deployment = shelf.get(name)
    return _view(shelf, deployment, _ask(home, environ, deployment.cluster, connect=connect))


def wait_deployment(
    home: Home, environ: Mapping[str, str], name: str, *, timeout_s: float
) -> DeploymentView:
    """Return a deployment as soon as waiting changes nothing more, or the time is over.

    Raises:
        NotFoundError: There is none.
    """
    until = time.monotonic() + timeout_s
    while True:
        view = show_deployment(home, environ, name)
        if view.state.is_settled or time.monotonic() >= until:
            return view
        time.sleep(_LOOK_S)


def read_deployment_logs(
    home: Home,
    name: str,
    *,
    cursor: str | None = None,
    tail: int | None = None,
    limit: int = 1000,
) -> ServedPage:
    """Return what the replicas of a deployment say, those that are gone included.

    Args:
        home: The home that has it.
        name: Its name.
        cursor: Where an earlier page ended.
        tail: Only the last lines; not together with a cursor.
        limit: Most lines.

    Raises:
        NotFoundError: There is none.
        CursorError: The cursor is none.
    """
    shelf = Shelf(home)
    shelf.get(name)
    return read_page(shelf.logs(name), cursor=cursor, tail=tail, limit=limit)


def follow_deployment_logs(
    home: Home, name: str, *, cursor: str | None = None, tail: int | None = None
) -> Iterator[ServedLine]:
    """Yield what the replicas say, from now on too, until the deployment is deleted.

    Raises:
        NotFoundError: There is none.
        CursorError: The cursor is none.
    """
    page = read_deployment_logs(home, name, cursor=cursor, tail=tail)
    while True:
        yield from page.lines
        if page.eof:
            time.sleep(_LOOK_S)
        if Shelf(home).find(name) is None:
            return
        page = read_deployment_logs(home, name, cursor=page.next_cursor)


def _ask(
    home: Home, environ: Mapping[str, str], cluster: str, *, connect: bool
) -> JSONObject | None:
    """Return what the cluster tells of all deployments; empty when it is down, None if unasked."""
    door = cluster_door(home, environ, cluster)
    if door.record() is None and (door.cluster.is_ours or not connect):
        return {} if door.cluster.is_ours else None
    try:
        return door.ask(ServeOrder(verb="status"), timeout_s=_ASK_S)
    except WorkerLostError:
        return {} if door.cluster.is_ours else None


def _view(shelf: Shelf, deployment: Deployment, told: JSONObject | None) -> DeploymentView:
    name = deployment.name
    applications = cast("JSONObject", (told or {}).get("applications", {}))
    application = cast("JSONObject | None", applications.get(name))
    reports = read_reports(shelf.replicas(name))
    current = tuple(report for report in reports if report.is_current)
    wanted = deployment.release
    ready = 0
    if application is None:
        state = DeploymentState.UNKNOWN if told is None else DeploymentState.STOPPED
        error, current = "", ()
    else:
        # One that was killed has left its report, but Serve does not count it any more.
        ready = min(_count_ready(current, wanted), _running(application))
        state, error = _judge(deployment, application, ready, current, reports)
    try:
        version = shelf.release(name, wanted).version
    except SynapseError:
        version = ""
    return DeploymentView(
        name=name,
        state=state,
        plugin=deployment.plugin,
        plugin_path=deployment.plugin_path,
        action=deployment.action,
        version=version,
        release=wanted,
        replicas=deployment.replicas,
        max_replicas=deployment.max_replicas,
        target_requests=deployment.target_requests if deployment.max_replicas else 0.0,
        ready=ready,
        url=f"{told.get('url', '')}/{name}" if told and application is not None else "",
        error=error,
        cluster=deployment.cluster,
        reports=current,
        created_at=deployment.created_at,
        updated_at=deployment.updated_at,
    )


def _judge(
    deployment: Deployment,
    application: JSONObject,
    ready: int,
    current: Sequence[Report],
    reports: Sequence[Report],
) -> tuple[DeploymentState, str]:
    """Return the state, and what is wrong."""
    wanted = deployment.release
    status = str(application["status"])
    answering = [report for report in current if report.state is ReplicaState.READY]
    # A replica that could not start has left only its report.
    errors = [r for r in sorted(reports, key=lambda r: -r.at) if r.wanted == wanted and r.error]
    error = errors[0].error if errors else ""
    if status == "DEPLOY_FAILED" and not answering:
        return DeploymentState.FAILED, error or _first_line(application)
    if ready >= deployment.replicas and status == "RUNNING":
        return DeploymentState.RUNNING, ""
    live_errors = [report.error for report in current if report.error and report.wanted == wanted]
    if answering and live_errors:
        return DeploymentState.DEGRADED, live_errors[0]
    if status in {"UNHEALTHY", "DEPLOY_FAILED"}:
        state = DeploymentState.DEGRADED if answering else DeploymentState.FAILED
        return state, error or _first_line(application)
    if answering:
        return DeploymentState.UPDATING, ""
    return DeploymentState.STARTING, error


def _count_ready(reports: Sequence[Report], release: int) -> int:
    return sum(one.state is ReplicaState.READY and one.release == release for one in reports)


def _running(application: JSONObject) -> int:
    return int(str(cast("JSONObject", application["replicas"]).get("RUNNING", 0)))


def _first_line(application: JSONObject) -> str:
    return (str(application["message"]).strip().splitlines() or [""])[0]

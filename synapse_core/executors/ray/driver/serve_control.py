"""Has deployments served on a cluster: the one module of the driver that calls Ray Serve."""

import json
import logging
import math
import socket
import threading
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from synapse_core.config.atomic import write_atomically
from synapse_core.config.home import Home
from synapse_core.errors import (
    ConflictError,
    InvalidInputError,
    SynapseError,
    WorkerLostError,
)
from synapse_core.executors.ray.cluster.extra import require_serve
from synapse_core.executors.ray.cluster.orders import ServeOrder
from synapse_core.executors.ray.cluster.room import check_room
from synapse_core.serving.release import Deployment, Release, ServeSettings
from synapse_core.serving.reports import REPORT_EVERY_S
from synapse_core.serving.shelf import Shelf
from synapse_core.types import JSONObject, JSONValue

__all__ = ["ServeControl", "app_name"]

_PREFIX = "synapse-"
_HOST = "127.0.0.1"
_FIRST_PORT, _LAST_PORT = 8000, 8099
_CODE = "1"
"""Raised when replicas of an older version must not go on beside those of this one."""

_LOOK_BACK_S = 11.0
"""Serve scales by how many requests there were in this time; it warns of 10 s and less."""

_STARTS = 2
"""A release that does not start twice is at fault itself."""

_log = logging.getLogger(__name__)


def app_name(name: str) -> str:
    """Return what Serve calls the application of a deployment."""
    return f"{_PREFIX}{name}"


@dataclass(slots=True)
class ServeControl:
    """Ray Serve as the driver uses it. Safe to call from any thread.

    Attributes:
        home: Where deployments are kept.
        memory: File in which the port is remembered, so that addresses stay.
        is_ours: Whether the cluster was started here, and so its Serve.
    """

    home: Home
    memory: Path
    is_ours: bool
    _serve: Any = None
    _url: str = ""
    _names: set[str] = field(default_factory=set[str])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def names(self) -> set[str]:
        """Deployments that end with the cluster, if that is ours."""
        return set(self._names) if self.is_ours else set()

    def obey(self, order: ServeOrder) -> JSONObject:
        """Do what is ordered; the cluster must be up.

        Raises:
            MissingExtraError: Serve is not installed.
            SynapseError: Serve refuses.
        """
        with self._lock:
            match order.verb:
                case "apply":
                    return self._apply(order.name)
                case "delete":
                    return self._delete(order.name)
                case "status":
                    return self._status()

    def _apply(self, name: str) -> JSONObject:
        self._start()
        shelf = Shelf(self.home)
        deployment = shelf.get(name)
        release = shelf.release(name, deployment.release)
        _check_room(release)
        run_target = import_module("ray.serve.api").RunTarget
        application = self._make(deployment, release).bind(str(self.home.root), name)
        target = run_target(target=application, name=app_name(name), route_prefix=f"/{name}")
        try:
            self._forget_failed(name)
            self._serve.run_many(
                [target],
                wait_for_ingress_deployment_creation=False,
                wait_for_applications_running=False,
            )
        except Exception as error:
            raise _refused(name, error) from error
        self._names.add(name)
        return {"ok": True, "url": self._url}

    def _forget_failed(self, name: str) -> None:
        """Serve has given up what did not start, and would not try the same once more."""
        found = self._serve.status().applications.get(app_name(name))
        if found is not None and found.status.value == "DEPLOY_FAILED":
            self._serve.delete(app_name(name))

    def _make(self, deployment: Deployment, release: Release) -> Any:  # noqa: ANN401 - of Serve's
        settings = release.settings
        actor: dict[str, Any] = {"num_cpus": release.cpus}
        if release.gpus:
            actor["num_gpus"] = release.gpus
        if release.memory_mb:
            actor["memory"] = release.memory_mb << 20
        if release.custom:
            actor["resources"] = release.custom
        # It speaks HTTP, whose libraries a driver that serves nothing need not import.
        from synapse_core.executors.ray.node.serve_replica import ServeReplica  # noqa: PLC0415 - see above

        made = self._serve.deployment(ServeReplica).options(
            name="replica",
            **_count(deployment, settings),
            ray_actor_options=actor,
            user_config={},  # without one, Serve would not wait for `reconfigure`
            max_ongoing_requests=max(
                8,
                2 * settings.batch_size,
                2 * settings.concurrency,
                math.ceil(deployment.target_requests) if deployment.max_replicas else 0,
            ),
            max_queued_requests=settings.queue,
            health_check_period_s=REPORT_EVERY_S,
            health_check_timeout_s=30.0,
            graceful_shutdown_wait_loop_s=0.2,
            graceful_shutdown_timeout_s=settings.timeout_s + 10.0,
            max_constructor_retry_count=_STARTS,
            max_surge_percent=100,
        )
        # Else each call would count as new code, and scaling would restart all replicas.
        return made.options(version=_CODE, _internal=True)

    def _delete(self, name: str) -> JSONObject:
        self._names.discard(name)
        if self._is_running():
            self._start()
            self._serve.delete(app_name(name))
        return {"ok": True}

    def _status(self) -> JSONObject:
        if not self._is_running():
            return {"url": "", "applications": {}}
        self._start()
        told = self._serve.status().applications
        applications: dict[str, JSONValue] = {
            name.removeprefix(_PREFIX): _describe(application)
            for name, application in told.items()
            if name.startswith(_PREFIX)
        }
        self._names = set(applications)
        return {"url": self._url, "applications": applications}

    def _is_running(self) -> bool:
        """Whether there is a Serve on the cluster, started by whomever."""
        if self._serve is not None:
            return True
        ray = import_module("ray")
        try:
            ray.get_actor("SERVE_CONTROLLER_ACTOR", namespace="serve")
        except ValueError:
            return False
        return True

    def _start(self) -> None:
        """Start Serve, or connect to the one that the cluster has."""
        if self._serve is not None:
            return
        require_serve()
        serve = import_module("ray.serve")
        options: dict[str, Any] = {"host": _HOST}
        if self.is_ours:
            options["port"] = self._choose_port()
        try:
            serve.start(proxy_location="HeadOnly", http_options=options)
            client = import_module("ray.serve.context")._get_global_client()  # noqa: SLF001 - tells the address, as nothing public does
            config = client.http_config
        except Exception as error:
            raise WorkerLostError(
                f"Ray Serve did not start: {type(error).__name__}: {error}",
                hint="The log of the cluster tells more: `synapse ray status`.",
            ) from error
        self._url = f"http://{config.host}:{config.port}"
        self._serve = serve

    def _choose_port(self) -> int:
        """Return the port of the last time if it is free, else the first one that is."""
        try:
            known = [int(json.loads(self.memory.read_bytes())["port"])]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            known = []
        for port in (*known, *range(_FIRST_PORT, _LAST_PORT + 1)):
            if _is_free(port):
                write_atomically(self.memory, json.dumps({"port": port}).encode(), mode=0o600)
                return port
        raise ConflictError(
            f"All ports from {_FIRST_PORT} to {_LAST_PORT} are in use.", hint="Free one of them."
        )


def _check_room(release: Release) -> None:
    """Refuse what no node has; Serve would wait for one that does, for ever."""
    wanted = {"CPU": release.cpus, "GPU": release.gpus, "memory": float(release.memory_mb << 20)}
    nodes = [node["Resources"] for node in import_module("ray").nodes() if node["Alive"]]
    check_room({**wanted, **release.custom}, nodes)


def _count(deployment: Deployment, settings: ServeSettings) -> dict[str, Any]:
    """Return how many replicas there shall be, in Serve's words."""
    if not deployment.max_replicas:
        return {"num_replicas": deployment.replicas}
    return {
        "autoscaling_config": {
            "min_replicas": deployment.replicas,
            "max_replicas": deployment.max_replicas,
            "target_ongoing_requests": deployment.target_requests,
            "upscale_delay_s": settings.scale_up_after_s,
            "downscale_delay_s": settings.scale_down_after_s,
            "look_back_period_s": _LOOK_BACK_S,
        }
    }


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As Serve will do it: connections that have just been closed do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _describe(application: Any) -> JSONObject:  # noqa: ANN401 - of Serve's
    deployments = list(application.deployments.values())
    replicas: dict[str, JSONValue] = {}
    messages = [str(application.message)]
    for one in deployments:
        for state, count in one.replica_states.items():
            replicas[str(getattr(state, "value", state))] = int(count)
        messages.append(str(one.message))
    return {
        "status": str(application.status.value),
        "message": next((text for text in messages if text), ""),
        "replicas": replicas,
    }


def _refused(name: str, error: Exception) -> SynapseError:
    text = f"Ray Serve refuses the deployment {name!r}: {error}"
    if "route" in str(error).lower():
        return ConflictError(text, hint="Choose another name with --name.")
    return InvalidInputError(text, hint="Look at `serve` and `resources` of the action.")

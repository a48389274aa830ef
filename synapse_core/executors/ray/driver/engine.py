"""The connection to Ray: the one module of the driver that calls it."""

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from synapse_core.config.home import Home
from synapse_core.errors import ConflictError, InvalidInputError, SynapseError, WorkerLostError
from synapse_core.executors.ray.cluster.extra import CLIENT_SCHEME
from synapse_core.executors.ray.cluster.orders import LaunchOrder
from synapse_core.executors.ray.cluster.packing import PackedPlugin, PackedPlugins
from synapse_core.executors.ray.cluster.room import check_room, count_rooms
from synapse_core.executors.ray.driver.connecting import connect
from synapse_core.executors.ray.driver.settings import EngineSettings
from synapse_core.executors.ray.driver.warm_pool import Ended, Ready
from synapse_core.executors.ray.node.arrival import Arrival, arrive, home_mark
from synapse_core.executors.ray.node.sent import sent_by_ray
from synapse_core.executors.ray.node.warm_holder import WarmHolder
from synapse_core.runs.processes import wake_worker
from synapse_core.types import JSONObject, JSONValue
from synapse_core.version import __version__

__all__ = ["Engine"]

OBJECT_STORE_BYTES = 200 << 20
"""Runs pass ids, not objects: a small store keeps /dev/shm free for those who need it."""

NAMESPACE = "synapse"

_VITAL = ("gcs_server", "raylet")
"""Without these a node does nothing any more."""

_KEPT_PACKAGES = 8
"""Versions of plugins that stay in the cluster for further runs."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Engine:
    """Ray as the driver uses it. `start` first; all else may be called from any thread.

    Attributes:
        settings: How to reach the cluster.
        home_root: Root of the home whose runs are placed.
    """

    settings: EngineSettings
    home_root: str
    _ray: Any = None
    _task: Any = None
    _actor: Any = None
    _wake: Any = None
    _context: Any = None
    _callbacks: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    _busy: dict[str, Any] = field(default_factory=dict[str, Any])
    _put: dict[str, Any] = field(default_factory=dict[str, Any])
    _putting: threading.Lock = field(default_factory=threading.Lock)
    _packed: dict[str, PackedPlugin] = field(default_factory=dict[str, PackedPlugin])
    _packages: PackedPlugins = field(init=False)
    _mark: str = field(init=False)

    def __post_init__(self) -> None:
        home = Home(Path(self.home_root))
        self._packages = PackedPlugins(home.cache_dir)
        self._mark = home_mark(home)

    def start(self) -> None:
        """Start the cluster, or connect to it. Takes 5 to 20 s for the former.

        Raises:
            SynapseError: It did not come up, or cannot be used; see `connect`.
        """
        self._ray = import_module("ray")
        if self.settings.address is None:
            _take_any_agent_port()
        self._context = connect(self._ray, self.settings.address, self._arguments())
        # A launcher holds no device itself, so its worker process may serve one run after another.
        self._task = self._ray.remote(max_retries=0, max_calls=0)(_arrive)
        self._actor = self._ray.remote(max_restarts=0)(WarmHolder)
        self._wake = self._ray.remote(num_cpus=0, max_retries=0)(wake_worker)
        if self.settings.address is None:
            self._warm_up()

    def _arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "namespace": NAMESPACE,
            "log_to_driver": False,
            "configure_logging": False,
        }
        if self.settings.address is not None:
            return {**arguments, "address": self.settings.address}
        options = self.settings.options
        return {
            **arguments,
            "address": "local",
            "include_dashboard": True,
            "dashboard_host": "127.0.0.1",
            "object_store_memory": OBJECT_STORE_BYTES,
            "num_cpus": options.cpus,
            "num_gpus": options.gpus,
            "resources": dict(options.custom) or None,
            "_temp_dir": self.settings.folder,
        }

    def _warm_up(self) -> None:
        """Let worker processes start now instead of at the first run."""
        idle = self._ray.remote(num_cpus=1, max_retries=0)(_import_only)
        for _ in range(int(self._ray.cluster_resources().get("CPU", 1))):
            idle.remote()

    def watch(self, lost: Callable[[str], None]) -> None:
        """Have `lost` called with the name of what ends first of a cluster that was started here.

        Ray's own calls would go on waiting for it.
        """
        if self.settings.address is not None:
            return
        # Nothing public of Ray tells which processes it has started.
        node = import_module("ray._private.worker").global_worker.node
        for name in _VITAL:
            for started in node.all_processes[name]:
                waiting = (name, started.process.pid, lost)
                threading.Thread(target=_wait_for_end, args=waiting, daemon=True).start()

    @property
    def facts(self) -> dict[str, str]:
        """Address, dashboard and version, once it is up."""
        runtime = self._ray.get_runtime_context()
        dashboard = str(getattr(self._context, "dashboard_url", "") or "")
        return {
            "address": str(runtime.gcs_address),
            "dashboard_url": f"http://{dashboard}" if dashboard else "",
            "ray_version": str(self._ray.__version__),
        }

    def check(self, order: LaunchOrder) -> None:
        """Refuse what the cluster can never give; Ray would wait for it for ever.

        Raises:
            InvalidInputError: More is asked for than any node has, or what Ray cannot divide so.
            WorkerLostError: There is no node any more.
        """
        wanted = _wanted(order)
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if not nodes:
            raise WorkerLostError(
                "The cluster has lost all its nodes.",
                hint="Try again in a moment; a local one is started anew.",
            )
        check_room(wanted, nodes)
        try:
            self._task.options(**_room(order))
        except ValueError as error:  # such as three of something that is given in twos and fours
            raise InvalidInputError(
                f"Ray refuses what the run asks for: {error}",
                hint="Correct `resources` of the action in config.yaml.",
            ) from error

    def place(self, order: LaunchOrder, ended: Ended) -> None:
        """Have the run's worker started as soon as there is room for it.

        Args:
            order: What to place.
            ended: Called when the launcher is gone, and with what went wrong.
        """
        task = self._task.options(name=f"synapse {order.run_id}", **_room(order))
        self.prepare(order)
        reference = task.remote(*self._arrival(order))
        self._watch(order.run_id, reference, partial(ended, [order.run_id]))

    def prepare(self, order: LaunchOrder) -> None:
        """Have the plugin ready for machines that do not see the home, as it is now.

        Raises:
            TooLargeError: It is more than can be sent; names the largest files.
            InvalidInputError: A rule of what to leave out cannot be understood.
            StorageError: A file cannot be read, or the cache not be written.
        """
        if order.service_url:
            packed = self._packages.packed(Path(order.plugin_path))
            self._sent(packed)
            self._packed[order.plugin_path] = packed

    def _arrival(self, order: LaunchOrder) -> tuple[dict[str, Any], list[Any]]:
        """Return what the node is told, and a reference to the plugin in a list.

        Ray brings a reference in a list to a node only when that asks for it.
        """
        packed = self._packed[order.plugin_path] if order.service_url else None
        arrival = Arrival(
            home=self.home_root,
            mark=self._mark,
            run_id=order.run_id,
            plugin_path=order.plugin_path,
            environ=order.environ,
            service_url=order.service_url,
            service_token=order.service_token,
            digest=packed.digest if packed is not None else "",
            name=packed.name if packed is not None else "",
        )
        return arrival.told(), [] if packed is None else [self._sent(packed)]

    def _sent(self, packed: PackedPlugin) -> Any:  # noqa: ANN401 - a reference of Ray's
        """Return a reference to the plugin in the cluster, where it is put once."""
        with self._putting:
            reference = self._put.pop(packed.digest, None)
            if reference is None:
                reference = self._ray.put(packed.path.read_bytes())
            self._put[packed.digest] = reference
            while len(self._put) > _KEPT_PACKAGES:
                del self._put[next(iter(self._put))]
            return reference

    def make_holder(self, order: LaunchOrder) -> Any:  # noqa: ANN401 - an actor of Ray's
        """Return a new actor that holds a warm process, with the room that the order asks for.

        The order was prepared.
        """
        return self._actor.options(**_room(order)).remote(*self._arrival(order))

    def await_holder(self, holder: Any, ready: Ready) -> None:  # noqa: ANN401 - as above
        """Tell when an actor has got its room, or that it never will."""

        def on_end(future: Any) -> None:  # noqa: ANN401 - a type of Ray's
            self._callbacks.submit(_tell, ready, future.exception())

        holder.is_there.remote().future().add_done_callback(on_end)

    def use_holder(self, holder: Any, run_ids: Sequence[str], ended: Ready) -> None:  # noqa: ANN401 - as above
        """Have an actor execute runs in its warm process, one after the other."""
        self._watch(run_ids[0], holder.execute.remote(list(run_ids)), ended)

    def end_holder(self, holder: Any) -> None:  # noqa: ANN401 - as above
        """End an actor; its process ends with it."""
        self._ray.kill(holder)

    def has_room(self, order: LaunchOrder, *, beside: int = 0) -> bool:
        """Whether what the order asks for is free on a node.

        Args:
            order: The order.
            beside: How many more wait for as much.
        """
        return count_rooms(_wanted(order), self._free()) > beside

    def _free(self) -> Iterable[Mapping[str, float]]:
        """Return what each node has left; of a cluster with a proxy, what all have together."""
        if (self.settings.address or "").startswith(CLIENT_SCHEME):
            return [self._ray.available_resources()]
        # For developers of Ray, but the only one that tells it by node.
        return import_module("ray._private.state").available_resources_per_node().values()

    def _watch(self, run_id: str, reference: Any, ended: Ready) -> None:  # noqa: ANN401 - Ray's own
        self._busy[run_id] = reference

        def on_end(future: Any) -> None:  # noqa: ANN401 - a type of Ray's
            # The thread is Ray's own: whatever calls Ray on it waits for itself.
            self._busy.pop(run_id, None)
            self._callbacks.submit(_tell, ended, future.exception())

        reference.future().add_done_callback(on_end)

    def wake(self, owner: str) -> None:
        """Make a worker on some node look at its run; returns without waiting for that.

        Args:
            owner: The worker. Its host begins with the name of its machine.
        """
        strategies: Any = import_module("ray.util.scheduling_strategies")
        name = owner.partition("/")[0]
        for node in self._ray.nodes():
            if node["Alive"] and node["NodeManagerHostname"] == name:
                there = strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                self._wake.options(scheduling_strategy=there).remote(owner)

    @property
    def has_nodes(self) -> bool:
        """Whether any node is alive; one that has just died counts for some seconds."""
        return any(node["Alive"] for node in self._ray.nodes())

    def status(self) -> JSONObject:
        """Return nodes and resources."""
        total: Mapping[str, float] = self._ray.cluster_resources()
        free: Mapping[str, float] = self._ray.available_resources()
        nodes = [
            {
                "host": node["NodeManagerHostname"],
                "address": node["NodeManagerAddress"],
                "is_alive": bool(node["Alive"]),
                "resources": _shown(node["Resources"]),
            }
            for node in self._ray.nodes()
        ]
        return {
            "total": _shown(total),
            "free": _shown(free),
            "nodes": list[JSONValue](nodes),
        }

    def stop(self) -> None:
        """Disconnect; a cluster that was started here ends, and its folder is removed."""
        if self._ray is not None:
            self._ray.shutdown()
        if self.settings.address is None and self.settings.folder:
            shutil.rmtree(self.settings.folder, ignore_errors=True)


def _wait_for_end(name: str, pid: int, lost: Callable[[str], None]) -> None:
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # to reap it is Ray's business
    lost(name)


def _wanted(order: LaunchOrder) -> dict[str, float]:
    wanted = {"CPU": order.cpus, "GPU": order.gpus, "memory": float(order.memory_mb << 20)}
    return {**wanted, **order.custom}


def _room(order: LaunchOrder) -> dict[str, Any]:
    """Return what the order asks for as options of a task or an actor."""
    options: dict[str, Any] = {"num_cpus": order.cpus}
    if order.gpus:
        options["num_gpus"] = order.gpus
    if order.memory_mb:
        options["memory"] = order.memory_mb << 20
    if order.custom:
        options["resources"] = order.custom
    return options


def _take_any_agent_port() -> None:
    """Have the agent of a cluster started here take a free port.

    `ray.init` offers no way to say so. Of two clusters on one machine, the second would go without
    its agent, and have its jobs sent to that of the first.
    """
    parameter: Any = import_module("ray._private.parameter")
    parameter.RayParams = partial(parameter.RayParams, dashboard_agent_listen_port=0)


def _arrive(told: dict[str, Any], package: list[Any]) -> None:
    """Execute a run on the node that Ray chose; see `arrive`."""
    arrive(told, sent_by_ray(package))


def _import_only() -> int:
    """Do nothing in a process that has the launcher imported by now."""
    return len(arrive.__name__)


def _shown(resources: Mapping[str, float]) -> dict[str, JSONValue]:
    """Return the resources without those by which Ray names nodes."""
    return {
        name: round(value, 4)
        for name, value in sorted(resources.items())
        if not name.startswith(("node:", "accelerator_type:"))
    }


def _tell(ready: Ready, error: BaseException | None) -> None:
    try:
        ready(_told(error))
    except Exception:
        _log.exception("Failed when told of the end of a call")
        raise


def _told(error: BaseException | None) -> SynapseError | None:
    """Return what went wrong as an error of ours."""
    if error is None:
        return None
    cause = getattr(error, "cause", None)
    if isinstance(cause, SynapseError):
        return cause
    said = str(error)
    if "No module named 'synapse_core" in said:
        return ConflictError(
            "A node of the cluster does not have Synapse.",
            hint=f"Install synapse-mcp[ray]=={__version__} for the Python that its Ray runs with.",
        )
    what, hint = _loss(type(error).__name__, said, is_preempted=getattr(error, "preempted", False))
    first = (said.strip().splitlines() or [type(error).__name__])[0]
    return WorkerLostError(f"{what}: {type(error).__name__}: {first[:300]}", hint=hint)


def _loss(kind: str, said: str, *, is_preempted: bool) -> tuple[str, str]:
    """Return what an error of Ray's means for a run, and what to do about it."""
    again = "Run it again, or have it repeated: `retries` of the action."
    if is_preempted:
        return "The node that the run was on was taken away", again
    if kind in {"NodeDiedError", "LocalRayletDiedError"} or "node has died" in said:
        return "The node that the run was on was lost", again
    if kind == "OutOfMemoryError":
        return "The node ran out of memory, and Ray ended the run", (
            "Reserve what the action needs: `resources: {memory: MiB}` in config.yaml."
        )
    return "Ray lost the launcher of the run", f"Somebody killed its process. {again}"

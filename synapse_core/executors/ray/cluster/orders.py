"""What a door asks of a driver: one JSON line each way over a Unix socket."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, TypeAlias

from synapse_core import errors
from synapse_core.errors import SynapseError
from synapse_core.executors.ray.cluster.places import Cluster
from synapse_core.model.run import Run
from synapse_core.types import JSONObject, JSONValue

__all__ = [
    "DriverOrder",
    "LaunchManyOrder",
    "LaunchOrder",
    "ServeOrder",
    "StatusOrder",
    "StopDriverOrder",
    "Tier",
    "WakeOrder",
    "order_fields",
    "parse_driver_order",
    "read_error",
    "tell_error",
]


Tier: TypeAlias = Literal["task", "job"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOrder:
    """Place a pending run. Answered `{"ok": true}` once it will be tried.

    Attributes:
        run_id: The run.
        plugin_path: Folder of its plugin.
        action: Name of its action.
        environ: Variables of the door, the allow-listed ones and those for installers.
        cpus: CPU cores to reserve, possibly a fraction.
        gpus: GPUs to reserve, possibly a fraction.
        memory_mb: Memory to reserve, in MiB; 0 for none.
        custom: Further resources by name.
        tier: Whether the worker is held by a task, or by a job that outlives the driver.
        service_url: Where nodes that do not see the home reach the service that has the run;
            empty when all see it.
        service_token: Secret that opens it.
    """

    run_id: str
    plugin_path: str
    action: str
    environ: dict[str, str] = field(default_factory=dict[str, str])
    cpus: float = 1.0
    gpus: float = 0.0
    memory_mb: int = 0
    custom: dict[str, float] = field(default_factory=dict[str, float])
    tier: Tier = "task"
    service_url: str = ""
    service_token: str = field(default="", repr=False)
    op: Literal["launch"] = "launch"

    @property
    def room(self) -> tuple[float, float, int, tuple[tuple[str, float], ...]]:
        """What it reserves, as something that can be compared."""
        return self.cpus, self.gpus, self.memory_mb, tuple(sorted(self.custom.items()))

    @classmethod
    def of(
        cls,
        run: Run,
        environ: Mapping[str, str],
        *,
        tier: Tier,
        cluster: Cluster | None = None,
    ) -> "LaunchOrder":
        """Return the order that places the run with what its action asks for."""
        wanted = run.resources
        return cls(
            run_id=run.id,
            plugin_path=run.plugin_path,
            action=run.action,
            environ=dict(environ),
            cpus=1.0 if wanted.cpus is None else wanted.cpus,
            gpus=wanted.gpus or 0.0,
            memory_mb=wanted.memory_mb or 0,
            custom=dict(wanted.custom),
            tier=tier,
            service_url=cluster.service_url if cluster is not None else "",
            service_token=cluster.service_token if cluster is not None else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchManyOrder:
    """Place pending runs of one action that differ in their params only.

    Attributes:
        run_ids: The runs.
        like: The order for the first of them.
    """

    run_ids: list[str]
    like: LaunchOrder
    op: Literal["launch_many"] = "launch_many"

    def split(self) -> list[LaunchOrder]:
        """Return the orders for each."""
        return [replace(self.like, run_id=run_id) for run_id in self.run_ids]


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeOrder:
    """Have a worker on another machine look at its run now, instead of with its next heartbeat.

    Attributes:
        owner: The worker, as the run names it.
    """

    owner: str
    op: Literal["wake"] = "wake"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusOrder:
    """Tell how the cluster stands; with `wait`, once it is up."""

    wait: bool = False
    op: Literal["status"] = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopDriverOrder:
    """Leave, and take the cluster along if the driver started it.

    Refused while runs are active, unless `force`.
    """

    force: bool = False
    op: Literal["stop"] = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOrder:
    """Have a deployment served as the home says it, end it, or tell how all of them stand.

    `status` is answered with `url` and `applications`, the others with `ok`.
    """

    verb: Literal["apply", "delete", "status"]
    name: str = ""
    op: Literal["serve"] = "serve"


DriverOrder: TypeAlias = (
    LaunchOrder | LaunchManyOrder | WakeOrder | StatusOrder | StopDriverOrder | ServeOrder
)

_KINDS: dict[str, type[DriverOrder]] = {
    "launch": LaunchOrder,
    "launch_many": LaunchManyOrder,
    "status": StatusOrder,
    "wake": WakeOrder,
    "stop": StopDriverOrder,
    "serve": ServeOrder,
}


def parse_driver_order(line: bytes) -> DriverOrder:
    """Read what was sent.

    Raises:
        ValueError: It is no order.
    """
    fields = json.loads(line)
    try:
        if "like" in fields:
            fields["like"] = LaunchOrder(**fields["like"])
        return _KINDS[fields["op"]](**fields)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no order of a driver: {error}") from error


def tell_error(error: SynapseError) -> JSONObject:
    """Return the answer that carries an error to the other side."""
    return {
        "error": {
            "type": type(error).__name__,
            "message": error.message,
            "hint": error.hint,
            "data": error.data,
        }
    }


def read_error(answer: JSONObject) -> SynapseError | None:
    """Return the error that an answer carries, as it was raised; None when it carries none."""
    told = answer.get("error")
    if not isinstance(told, dict):
        return None
    kind = getattr(errors, str(told["type"]), SynapseError)
    data: JSONValue = told["data"]
    facts = data if isinstance(data, dict) else {}
    return kind.rebuild(str(told["message"]), str(told["hint"]), facts)


def order_fields(order: DriverOrder) -> JSONObject:
    """Return the order as it is sent."""
    return asdict(order)

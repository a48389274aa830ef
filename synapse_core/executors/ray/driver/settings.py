"""What a driver is told at its start."""

import json
from dataclasses import asdict, dataclass, field

from synapse_core.executors.ray.cluster.options import ClusterOptions

__all__ = ["SERVE_VARIABLES", "DriverSettings", "EngineSettings"]

SERVE_VARIABLES = {
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "synapse_core.serving.proxy:middlewares",
    # One machine has few handles and replicas to hear of; by default, scaling hears every 10 s.
    "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
    "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
}
"""By these the Ray Serve of a cluster that is started here differs from others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How to reach a cluster.

    Attributes:
        address: Of its head; None to start one here, which ends with this process.
        folder: Ray's folder for a cluster that is started here; its path must be short.
        options: What was chosen for it.
    """

    address: str | None = None
    folder: str = ""
    options: ClusterOptions = field(default_factory=ClusterOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverSettings:
    """What a driver is told at its start.

    Attributes:
        home: Root of the home.
        name: Name of the cluster.
        socket: Where to take orders.
        engine: How to reach the cluster.
        dashboard_url: Where its Jobs API answers; empty to take what the cluster says.
    """

    home: str
    name: str
    socket: str
    engine: EngineSettings
    dashboard_url: str = ""

    @classmethod
    def parse(cls, text: str) -> "DriverSettings":
        """Read one line of JSON."""
        fields = json.loads(text)
        engine = fields.pop("engine")
        options = ClusterOptions(**engine.pop("options"))
        return cls(engine=EngineSettings(**engine, options=options), **fields)

    def told(self) -> str:
        """Return what `parse` reads."""
        return json.dumps(asdict(self))

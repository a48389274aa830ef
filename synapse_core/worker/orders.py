"""What an executor asks of a zygote: one JSON line each way over a Unix socket."""

import json
import socket
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from synapse_core.types import JSONObject

__all__ = [
    "MAX_ORDER_BYTES",
    "Away",
    "InspectOrder",
    "Order",
    "ProvideOrder",
    "RunOrder",
    "StandingOrder",
    "StopOrder",
    "parse_away",
    "parse_order",
    "receive_line",
    "send_line",
]

MAX_ORDER_BYTES = 1 << 20
"""No order is longer; params travel through the run store, never through an order."""


@dataclass(frozen=True, slots=True)
class Away:
    """How a worker on a machine without the home of its runs reaches them.

    Attributes:
        url: Address of the service that has them.
        token: Secret that opens it; empty for none.
        plugin_path: Folder of the plugin on the worker's machine.
    """

    url: str
    token: str = field(repr=False)
    plugin_path: str


@dataclass(frozen=True, slots=True)
class RunOrder:
    """Execute a pending run. Answered `{"ok": true}` once its supervisor is forked.

    The answer to one away from home names the supervisor as `worker`, too.

    Attributes:
        home: Root of the home whose store holds the run; when away, that of the worker's machine.
        run_id: The run.
        environ: Allow-listed variables of the door that ordered it.
        installer: Variables for the installer when the plugin's libraries are to be installed
            first; None when they are there.
        is_tethered: Whether the connection stays open while the run goes on, and the run ends when
            the one who ordered it is gone.
        away: How to reach the run from a machine without its home; None on others.
    """

    home: str
    run_id: str
    environ: dict[str, str] = field(default_factory=dict[str, str])
    installer: dict[str, str] | None = None
    is_tethered: bool = False
    away: Away | None = None
    op: Literal["run"] = "run"


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """Fork a process that stays. Answered `{"ok": true}`; it has the connection from then on.

    Attributes:
        home: Root of the home whose runs it will be told; when away, that of its own machine.
        environ: Its variables.
        away: How to reach the runs from a machine without their home; None on others.
    """

    home: str
    environ: dict[str, str] = field(default_factory=dict[str, str])
    away: Away | None = None
    op: Literal["stand"] = "stand"


@dataclass(frozen=True, slots=True)
class InspectOrder:
    """Import a plugin and tell what it offers. Answered by the process that imported it."""

    path: str
    entrypoints: dict[str, str]
    environ: dict[str, str] = field(default_factory=dict[str, str])
    op: Literal["inspect"] = "inspect"


@dataclass(frozen=True, slots=True)
class ProvideOrder:
    """Install the libraries that the plugin at `path` asks for, also when the asker leaves.

    Answered at the end: `{"ok": true}`, or `{"error": …}` with message, hint and data.
    """

    home: str
    path: str
    installer: dict[str, str]
    op: Literal["provide"] = "provide"


@dataclass(frozen=True, slots=True)
class StopOrder:
    """Leave; what was forked goes on."""

    op: Literal["stop"] = "stop"


Order: TypeAlias = RunOrder | StandingOrder | InspectOrder | ProvideOrder | StopOrder


def parse_order(line: bytes) -> Order:
    """Read what `send_line` wrote.

    Raises:
        ValueError: It is no order.
    """
    fields = json.loads(line)
    match fields.pop("op"):
        case "run":
            away = parse_away(fields.pop("away"))
            return RunOrder(**fields, away=away)
        case "stand":
            away = parse_away(fields.pop("away"))
            return StandingOrder(**fields, away=away)
        case "inspect":
            return InspectOrder(**fields)
        case "provide":
            return ProvideOrder(**fields)
        case "stop":
            return StopOrder()
        case other:
            raise ValueError(f"unknown order {other!r}")


def parse_away(fields: dict[str, Any] | None) -> Away | None:
    """Read the fields of an `Away`."""
    return None if fields is None else Away(**fields)


def send_line(connection: socket.socket, message: Order | JSONObject) -> None:
    """Write one message and its newline."""
    fields = message if isinstance(message, dict) else asdict(message)
    connection.sendall(json.dumps(fields).encode() + b"\n")


def receive_line(connection: socket.socket, max_bytes: int) -> bytes:
    """Read up to the newline; empty when the other side left without finishing its line.

    Raises:
        ValueError: More than `max_bytes` came without a newline.
        TimeoutError: The socket's own time-out ran out.
    """
    parts: list[bytes] = []
    size = 0
    while chunk := connection.recv(1 << 16):
        parts.append(chunk)
        size += len(chunk)
        if chunk.endswith(b"\n"):
            return b"".join(parts)
        if size > max_bytes:
            raise ValueError(f"a message of more than {max_bytes} bytes")
    return b""

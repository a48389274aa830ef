"""What a Ray task or a job does first on the machine that was chosen for a run.

Machines of one cluster may differ: one that sees the home of the run works there, another one gets
the plugin and sends home what the run says.
"""

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synapse_core.config.atomic import write_atomically
from synapse_core.config.home import Home
from synapse_core.errors import ConfigError, ConflictError
from synapse_core.executors.ray.node.launch import launch
from synapse_core.version import __version__

if TYPE_CHECKING:
    from synapse_core.executors.ray.node.away_launch import Hold

__all__ = ["Arrival", "arrive", "home_mark", "is_at_home", "sees_home", "take_order"]

_MARK = "mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What a machine of a cluster is told about a run.

    Attributes:
        home: Root of the home that has the run.
        mark: What stands in that home, by which a machine that sees it knows it.
        run_id: The run.
        plugin_path: Folder of its plugin, for machines that see the home.
        environ: Variables of the door that ordered it, for machines that see the home.
        service_url: Where the others reach the service that has the run; empty for nowhere.
        service_token: Secret that opens it.
        digest: Digest of the packed plugin; empty when it was not sent.
        name: Name of its folder.
        version: Version of Synapse that placed the run.
    """

    home: str
    mark: str
    run_id: str
    plugin_path: str
    environ: dict[str, str] = field(default_factory=dict[str, str])
    service_url: str = ""
    service_token: str = field(default="", repr=False)
    digest: str = ""
    name: str = ""
    version: str = __version__

    def told(self) -> dict[str, Any]:
        """Return it as a dict: machines with another version must be able to read it."""
        return asdict(self)


def arrive(told: dict[str, Any], hold: "Callable[[Arrival], Hold]") -> None:
    """Start the worker of a pending run on this machine, and return when it has ended.

    Args:
        told: Fields of an `Arrival`.
        hold: Returns what gives the plugin that was sent, should it be needed.

    Raises:
        ConflictError: This machine has another version of Synapse.
        ConfigError: It does not see the home, and nothing tells where else the run is kept.
        SynapseError: No worker could be started.
    """
    order = take_order(told)
    if is_at_home(order):
        launch(order.home, order.run_id, order.plugin_path, order.environ)
        return
    # What speaks HTTP takes longer to import than all the rest, and few machines need it.
    from synapse_core.executors.ray.node.away_launch import (  # noqa: PLC0415 - see above
        Service,
        launch_away,
    )

    launch_away(order.run_id, Service(order.service_url, order.service_token), hold(order))


def take_order(told: dict[str, Any]) -> Arrival:
    """Read the fields of an `Arrival`.

    Raises:
        ConflictError: This machine has another version of Synapse.
    """
    _check_version(str(told.get("version")))
    return Arrival(**told)


def is_at_home(order: Arrival) -> bool:
    """Whether the run can be executed in its home; else it is reached through the service.

    Raises:
        ConfigError: This machine does not see the home, and nothing tells where else the run is.
    """
    if sees_home(order.home, order.mark):
        return True
    if not order.service_url:
        raise _home_unseen(order.home)
    return False


def sees_home(home_root: str, mark: str) -> bool:
    """Whether the home that this machine has at that path is the one that is meant."""
    try:
        return _mark_file(Home(Path(home_root))).read_text(encoding="ascii") == mark
    except (OSError, UnicodeDecodeError):
        return False


def home_mark(home: Home) -> str:
    """Return what stands in the home and in no other; made when it is first asked for.

    Raises:
        StorageError: It cannot be written.
    """
    file = _mark_file(home)
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(file, secrets.token_hex(16).encode(), mode=0o600)
    return file.read_text(encoding="ascii")


def _mark_file(home: Home) -> Path:
    return home.root / "ray" / _MARK


def _check_version(version: str) -> None:
    if version != __version__:
        raise ConflictError(
            f"{socket.gethostname()} has Synapse {__version__}, and {version} placed the run.",
            hint="Install the same version on all machines of the cluster and here.",
            version=__version__,
        )


def _home_unseen(home_root: str) -> ConfigError:
    return ConfigError(
        f"{socket.gethostname()} does not see the home {home_root} that the run is kept in.",
        hint="Put the home on a disk that all machines of the cluster share, or serve it with "
        "`synapse serve` and name that as `service` of the cluster in the configuration.",
        user=str(os.getuid()),
    )

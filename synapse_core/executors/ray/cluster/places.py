"""Which cluster is meant, and where what is known of it is kept."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import InvalidInputError

__all__ = ["LOCAL", "Cluster", "ClusterPlace"]

LOCAL = "local"
"""Name of the cluster that Synapse starts on this machine by itself."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster. Its token is left out of its `repr`.

    Attributes:
        name: What it is chosen by.
        address: `host:port` of its head, or `ray://host:port`; None for the one that is started
            here.
        dashboard_url: Where its Jobs API answers; None to take what the cluster says itself.
        token: What it asks for; None for one without a token. The one started here has its own.
        service_url: Where those of its nodes that do not see the home reach the service that has
            the runs; empty when all of them see it.
        service_token: Secret that opens that service; empty for none.
        python: Interpreter of its nodes that has Synapse; None for the one that runs here.
    """

    name: str = LOCAL
    address: str | None = None
    dashboard_url: str | None = None
    token: str | None = field(default=None, repr=False)
    service_url: str = ""
    service_token: str = field(default="", repr=False)
    python: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInputError(
                f"{self.name!r} is no name for a cluster.",
                hint="Begin with a letter or digit; go on with letters, digits, `.`, `-` and `_`.",
            )

    @property
    def is_ours(self) -> bool:
        """Whether Synapse starts and stops it."""
        return self.address is None


@dataclass(frozen=True, slots=True)
class ClusterPlace:
    """The files of one cluster below the home.

    Attributes:
        home: The home.
        name: Name of the cluster.
    """

    home: Home
    name: str

    @property
    def folder(self) -> Path:
        """What is kept of all clusters."""
        return self.home.root / "ray"

    @property
    def record(self) -> Path:
        """Where the driver of the cluster is found."""
        return self.folder / f"{self.name}.json"

    @property
    def log(self) -> Path:
        """What the driver, and Ray within it, had to say."""
        return self.folder / f"{self.name}.log"

    @property
    def token(self) -> Path:
        """The token of the cluster that is started here."""
        return self.folder / f"{self.name}.token"

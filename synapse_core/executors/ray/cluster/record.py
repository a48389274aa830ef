"""The word a driver leaves in the home, by which other processes find it."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from synapse_core.config.atomic import write_atomically
from synapse_core.executors.ray.cluster.options import ClusterOptions
from synapse_core.executors.source_stamp import INSTALLED_AT, source_stamp
from synapse_core.model.run import WorkerId
from synapse_core.runs.processes import is_alive

__all__ = ["DriverRecord", "read_live_record", "read_record", "write_record"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverRecord:
    """Where the driver of a cluster is found, and what it drives.

    Attributes:
        worker: The driver's process, as the text of a `WorkerId`.
        socket: Where it takes orders.
        address: Address of the cluster's head; empty until it is up.
        dashboard_url: Where the Jobs API answers; empty until it is up, and where there is none.
        folder: Ray's own folder for a cluster that was started here; empty for others.
        ray_version: Version of Ray; empty until it is up.
        started_at: Unix time of the start.
        installed_at: The package whose code it executes.
        source: What `source_stamp` said of that code at the start.
        options: What was chosen when it was started.
    """

    worker: str
    socket: str
    address: str = ""
    dashboard_url: str = ""
    folder: str = ""
    ray_version: str = ""
    started_at: float = 0.0
    installed_at: str = ""
    source: str = ""
    options: ClusterOptions = field(default_factory=ClusterOptions)

    @property
    def is_alive(self) -> bool:
        """Whether the driver is running on this machine."""
        return is_alive(WorkerId.parse(self.worker)) is True

    @property
    def is_outdated(self) -> bool:
        """Whether this installation was upgraded since the driver was started by it."""
        return self.installed_at == str(INSTALLED_AT) and self.source != source_stamp()


def read_record(file: Path) -> DriverRecord | None:
    """Return what was left, also of a driver that has ended; None when nothing was."""
    try:
        fields = json.loads(file.read_bytes())
        options = ClusterOptions(**fields.pop("options", {}))
        return DriverRecord(**fields, options=options)
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return None  # there is none, or one of another version


def read_live_record(file: Path) -> DriverRecord | None:
    """Return what a driver that is running has left."""
    record = read_record(file)
    return record if record is not None and record.is_alive else None


def write_record(file: Path, record: DriverRecord) -> None:
    """Leave the word.

    Raises:
        StorageError: It cannot be written.
    """
    write_atomically(file, json.dumps(asdict(record)).encode(), mode=0o600)

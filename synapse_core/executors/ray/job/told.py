"""What the process of a job on a cluster is told."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from synapse_core.config.atomic import write_atomically

__all__ = ["JOB_VARIABLE", "JobOrder"]

JOB_VARIABLE = "SYNAPSE_JOB"
"""Holds what the process of a job is told that may not see the home."""

_NAME = "job.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """What the process of a job needs to know besides home and run; kept in the run's folder.

    Attributes:
        plugin_path: Folder of the plugin.
        environ: Variables of the door that ordered it.
    """

    plugin_path: str
    environ: dict[str, str]

    def leave(self, folder: Path) -> None:
        """Write it into the folder of the run, readable by this user only.

        Raises:
            StorageError: It cannot be written.
        """
        # The folder of a node of a pipeline is made by whoever executes it.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(folder / _NAME, json.dumps(asdict(self)).encode(), mode=0o600)

    @classmethod
    def take(cls, folder: Path) -> "JobOrder":
        """Read what was left there."""
        return cls(**json.loads((folder / _NAME).read_bytes()))

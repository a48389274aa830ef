"""What each replica tells of itself, for whoever asks how a deployment stands."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from synapse_core.config.atomic import write_atomically
from synapse_core.model.run import WorkerId
from synapse_core.runs.processes import is_alive

__all__ = [
    "REPORT_EVERY_S",
    "ReplicaState",
    "Report",
    "read_reports",
    "remove_old_reports",
    "remove_report",
    "write_report",
]

REPORT_EVERY_S = 5.0
GONE_AFTER_S = 6 * REPORT_EVERY_S
"""A replica that has told nothing for so long is gone; a busy machine gets its time."""


class ReplicaState(StrEnum):
    """How a replica is."""

    STARTING = "starting"
    """It imports the action, or installs what that needs."""
    READY = "ready"
    """It answers."""
    RESTARTING = "restarting"
    """Its process has ended, and another one starts; requests wait for it."""
    FAILED = "failed"
    """It does not answer; `error` tells why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a replica tells.

    Attributes:
        replica: Its id.
        state: How it is.
        release: Number of the release that answers; 0 while none does.
        wanted: Number of the release that it was last asked to serve.
        error: Why the wanted release does not answer; empty when it does, or will.
        pid: Process that holds the action; 0 while there is none.
        worker: The process of the replica itself, as the text of a `WorkerId`.
        answered: Requests it has answered.
        failed: Those among them that it could not answer.
        restarts: How often the process has ended by itself.
        at: Unix time.
    """

    replica: str
    state: ReplicaState
    release: int = 0
    wanted: int = 0
    error: str = ""
    pid: int = 0
    worker: str = ""
    answered: int = 0
    failed: int = 0
    restarts: int = 0
    at: float = 0.0

    @property
    def is_current(self) -> bool:
        """Whether the replica is still there."""
        if self.worker and is_alive(WorkerId.parse(self.worker)) is False:
            return False
        return time.time() - self.at < GONE_AFTER_S

    @property
    def host(self) -> str:
        """Name of its machine."""
        return WorkerId.parse(self.worker).host.partition("/")[0] if self.worker else ""


def write_report(folder: Path, report: Report) -> None:
    """Tell how a replica is.

    Raises:
        StorageError: It cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(
        folder / f"{report.replica}.json", json.dumps(asdict(report)).encode(), mode=0o600
    )


def remove_report(folder: Path, replica: str) -> None:
    """Forget a replica."""
    (folder / f"{replica}.json").unlink(missing_ok=True)


def remove_old_reports(folder: Path) -> None:
    """Forget replicas that are gone without having said so."""
    for report in read_reports(folder):
        if not report.is_current:
            remove_report(folder, report.replica)


def read_reports(folder: Path) -> list[Report]:
    """Return what replicas tell, those that are gone included."""
    return sorted(_read(folder), key=lambda report: report.replica)


def _read(folder: Path) -> Iterator[Report]:
    for file in folder.glob("*.json") if folder.is_dir() else ():
        try:
            told = json.loads(file.read_bytes())
            state = ReplicaState(told.pop("state"))
            yield Report(state=state, **told)
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            continue  # just removed

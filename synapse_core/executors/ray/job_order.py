"""What a job on a cluster is told, and the command that reads it."""

import json
import shlex
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from synapse_core.config.atomic import write_atomically
from synapse_core.config.home import Home
from synapse_core.errors import WorkerLostError
from synapse_core.executors.ray.jobs_api import ENDED, JobsApi
from synapse_core.model.run import Run
from synapse_core.runs.reading import Journals

__all__ = ["JobOrder", "job_id_of", "submit_job"]

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
        write_atomically(folder / _NAME, json.dumps(asdict(self)).encode(), mode=0o600)

    @classmethod
    def take(cls, folder: Path) -> "JobOrder":
        """Read what was left there."""
        return cls(**json.loads((folder / _NAME).read_bytes()))


def job_id_of(run: Run) -> str:
    """Return the id of the job that makes the run's next attempt.

    A job that nobody claimed the run in must not keep its successor from being submitted.
    """
    return f"synapse-{run.id}-{run.attempt + 1}"


def submit_job(api: JobsApi, home: Home, run: Run, order: JobOrder) -> None:
    """Submit the job that executes a pending run; idempotent.

    Args:
        api: The cluster.
        home: The home that holds the run, on a disk that the cluster sees.
        run: The run.
        order: What its process needs to know.

    Raises:
        SynapseError: It was not submitted, or ended before it could claim the run.
    """
    order.leave(home.run_dir(run.id))
    job_id = job_id_of(run)
    # An absolute interpreter: the cluster's PATH leads to another one, or to none.
    command = [sys.executable, "-P", "-m", "synapse_core.executors.ray.job"]
    api.submit(
        job_id,
        shlex.join([*command, str(home.root), run.id]),
        resources=run.resources,
        metadata={"run": run.id, "plugin": run.plugin, "action": run.action},
    )
    info = api.find(job_id)
    if info is not None and info.status in ENDED and not _has_begun(home, run):
        raise WorkerLostError(
            f"The job {job_id} ended as {info.status} before it began: {info.message}",
            hint="The cluster must see this home and this Python under the same paths.",
            job_id=job_id,
        )


def _has_begun(home: Home, run: Run) -> bool:
    """Whether a worker has claimed it meanwhile; its first word is the status."""
    return bool(Journals(home).tail(run.id, 1).items)

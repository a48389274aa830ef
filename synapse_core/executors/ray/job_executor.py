"""Executes actions as jobs on a Ray cluster: they go on when this process has ended."""

import os
import shutil
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from synapse_core.actions.definition import Action
from synapse_core.config.settings import load_settings
from synapse_core.errors import ConflictError
from synapse_core.executors.ray.calls import RunCalls, home_of, result_of
from synapse_core.executors.ray.choosing import JOB, find_cluster
from synapse_core.executors.ray.jobs import RayJobs
from synapse_core.executors.ray.options import find_folder, merge_variables, to_resources
from synapse_core.executors.ray.subject import find_subject
from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import RunStatus
from synapse_core.runs.reading import Journals

__all__ = ["JobStatus", "RayJobExecutor"]


class JobStatus(StrEnum):
    """Where a job stands, in Ray's words."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


_STATES = {
    RunStatus.PENDING: JobStatus.PENDING,
    RunStatus.RUNNING: JobStatus.RUNNING,
    RunStatus.SUCCEEDED: JobStatus.SUCCEEDED,
    RunStatus.CANCELLED: JobStatus.STOPPED,
}


class RayJobExecutor:
    """Submits actions as jobs, and finds them again from any process that has the same home.

    A job is a run in the home: its id is the run's, and what it says is in the run's log, which
    outlives the cluster. This process never imports Ray.

    Args:
        dashboard_url: Where the cluster's dashboard is, or the name of a cluster of the active
            environment; None for the cluster of this machine, which is started if need be. The
            token of another cluster is taken from the configuration, else from `RAY_AUTH_TOKEN`.
        working_dir: The plugin's folder; None for the one that an action's source lies in.
        env: Variables for the actions.
        num_cpus: CPU cores to reserve; None for what the action asks for.
        num_gpus: GPUs to reserve; None for what the action asks for.
        memory: Bytes to reserve; None for what the action asks for.
        resources: Further resources of the cluster by name, besides those the action asks for.
        runtime_env: May hold `env_vars` and `working_dir`. Libraries come from the plugin's
            requirements.
        home: Where runs are kept; None for `SYNAPSE_HOME`, else `~/.synapse`.

    Raises:
        InvalidInputError: An argument cannot be used.
    """

    def __init__(
        self,
        dashboard_url: str | None = None,
        working_dir: str | os.PathLike[str] | None = None,
        *,
        env: Mapping[str, object] | None = None,
        num_cpus: float | None = None,
        num_gpus: float | None = None,
        memory: int | None = None,
        resources: Mapping[str, float] | None = None,
        runtime_env: Mapping[str, object] | None = None,
        home: Path | None = None,
    ) -> None:
        place = home_of(home, os.environ)
        clusters = load_settings(place.config_file).clusters
        where = dashboard_url or ""
        cluster = find_cluster(where, place, os.environ, clusters)
        name = JOB if cluster.is_ours else f"{JOB}@{where}"
        self._executor = RayJobs(place, os.environ, cluster, name=name)
        self._calls = RunCalls(place, self._executor)
        self._folder = find_folder(working_dir, runtime_env)
        self._env = merge_variables(env, runtime_env, None)
        self._resources = to_resources(num_cpus, num_gpus, memory, resources)

    def submit(
        self, action: Action | str, params: Mapping[str, object] | BaseModel | None = None
    ) -> str:
        """Submit a job and return its id without waiting for it.

        Args:
            action: Name of an action of the plugin, or the action itself.
            params: What it is given.

        Raises:
            ActionNotFoundError: The plugin has no such action.
            SynapseError: It was not submitted.
        """
        subject = find_subject(action, self._folder)
        return self._calls.start(subject, params, env=self._env, resources=self._resources).id

    def get_status(self, job_id: str) -> JobStatus:
        """Return where the job stands.

        Raises:
            RunNotFoundError: No such job in this home.
        """
        return _STATES.get(self._calls.look(job_id).status, JobStatus.FAILED)

    def get_logs(self, job_id: str) -> str:
        """Return what the job has said so far, a line each.

        Raises:
            RunNotFoundError: No such job in this home.
        """
        journals = Journals(self._calls.home)
        self._calls.store.get(job_id)
        lines: list[str] = []
        cursor: str | None = None
        while (page := journals.read(job_id, after=cursor)).items:
            lines += [line for event in page.items if (line := _line(event)) is not None]
            cursor = page.next_cursor
        return "".join(f"{line}\n" for line in lines)

    def stream_logs(self, job_id: str) -> Iterator[str]:
        """Yield the lines of the job as they come, and end with it.

        Raises:
            RunNotFoundError: No such job in this home.
        """
        for event in self._calls.follow(job_id):
            if (line := _line(event)) is not None:
                yield line

    def wait(
        self,
        job_id: str,
        timeout_seconds: float | None = None,
        *,
        result_model: type[BaseModel] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the action returned
        """Wait for the job's end and return its result.

        Args:
            job_id: The job.
            timeout_seconds: How long to wait; None for as long as it takes.
            result_model: What to read the result back as; None for plain JSON.

        Raises:
            RunNotFoundError: No such job in this home.
            RunTimeoutError: It has not ended in that time; it goes on.
            SynapseError: It failed, or was stopped.
        """
        return result_of(self._calls.wait(job_id, timeout_s=timeout_seconds), result_model)

    def stop(self, job_id: str, *, force: bool = False) -> bool:
        """Ask the job to stop, and return whether it had not ended yet.

        Raises:
            RunNotFoundError: No such job in this home.
        """
        was_active = not self._calls.look(job_id).status.is_terminal
        self._calls.cancel(job_id, force=force)
        return was_active

    def delete(self, job_id: str) -> bool:
        """Forget an ended job, with its log and its files; False when it is not known.

        Raises:
            ConflictError: It has not ended.
        """
        store = self._calls.store
        if not self._calls.look(job_id).status.is_terminal:
            raise ConflictError(
                f"The job {job_id} has not ended.", hint="Stop it first, or wait.", job_id=job_id
            )
        deleted = store.delete([job_id]) > 0
        shutil.rmtree(self._calls.home.run_dir(job_id), ignore_errors=True)
        return deleted

    def shutdown(self) -> None:
        """Let go of what this object holds; jobs go on."""
        self._calls.close()


def _line(event: Event) -> str | None:
    match event.kind:
        case EventKind.LOG | EventKind.MESSAGE:
            return str(event.data.get("message", ""))
        case EventKind.ERROR:
            return str(event.data.get("traceback") or event.data.get("message") or "").rstrip("\n")
        case _:
            return None

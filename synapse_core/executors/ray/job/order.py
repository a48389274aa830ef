"""Submits the jobs that execute runs."""

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace

from synapse_core.config.home import Home
from synapse_core.errors import ConflictError, NotFoundError, WorkerLostError
from synapse_core.executors.ray.cluster.packing import PackedPlugin
from synapse_core.executors.ray.cluster.places import Cluster
from synapse_core.executors.ray.cluster.room import check_room
from synapse_core.executors.ray.job.api import ENDED, JobsApi
from synapse_core.executors.ray.job.stopping import STOP_VARIABLES
from synapse_core.executors.ray.job.told import JOB_VARIABLE, JobOrder
from synapse_core.executors.ray.node.arrival import Arrival, home_mark
from synapse_core.model.run import Resources, Run
from synapse_core.runs.reading import Journals

__all__ = ["job_id_of", "stop_job", "submit_away_job", "submit_job"]


def job_id_of(run: Run) -> str:
    """Return the id of the job that makes the run's next attempt.

    A job that nobody claimed the run in must not keep its successor from being submitted.
    """
    return _job_id(run, run.attempt + 1)


def _job_id(run: Run, attempt: int) -> str:
    return f"synapse-{run.id}-{attempt}"


def stop_job(api: JobsApi, run: Run) -> None:
    """Tell the job that holds the worker of a running run to stop; see `heed_stop`.

    Args:
        api: The cluster.
        run: The run, which was asked to stop.

    Raises:
        SynapseError: The cluster does not answer.
    """
    # A job that was submitted for an attempt makes those that follow it, too.
    any(api.stop(_job_id(run, attempt)) for attempt in range(run.attempt, 0, -1))


def submit_job(
    api: JobsApi, home: Home, run: Run, order: JobOrder, *, is_ours: bool = False
) -> None:
    """Submit the job that executes a pending run; idempotent.

    Args:
        api: The cluster.
        home: The home that holds the run, on a disk that the cluster sees.
        run: The run.
        order: What its process needs to know.
        is_ours: Whether the cluster is this machine, where what asks for nothing waits for none.

    Raises:
        SynapseError: It was not submitted, or ended before it could claim the run.
    """
    order.leave(home.run_dir(run.id))
    # An absolute interpreter: the cluster's PATH leads to another one, or to none.
    command = [sys.executable, "-P", "-m", "synapse_core.executors.ray.job.main"]
    resources = run.resources if is_ours else _on_a_node(run.resources)
    runtime_env = {"env_vars": STOP_VARIABLES}
    _submit(api, home, run, [*command, str(home.root), run.id], runtime_env, resources)


def submit_away_job(
    api: JobsApi, home: Home, run: Run, order: JobOrder, cluster: Cluster, packed: PackedPlugin
) -> None:
    """Submit the job that executes a pending run on machines that may not see the home.

    Args:
        api: The cluster.
        home: The home that holds the run.
        run: The run.
        order: What its process needs to know where it sees the home.
        cluster: How its machines reach the service that has the run.
        packed: The plugin.

    Raises:
        SynapseError: It was not submitted, or ended before it could claim the run.
    """
    order.leave(home.run_dir(run.id))
    arrival = Arrival(
        home=str(home.root),
        mark=home_mark(home),
        run_id=run.id,
        plugin_path=run.plugin_path,
        service_url=cluster.service_url,
        service_token=cluster.service_token,
        digest=packed.digest,
        name=packed.name,
    )
    package = api.send(f"_ray_pkg_synapse_{packed.digest}.zip", packed.path.read_bytes())
    python = cluster.python or sys.executable
    _submit(
        api,
        home,
        run,
        [python, "-P", "-m", "synapse_core.executors.ray.job.away"],
        # Of what Ray is told, its API shows no values of variables.
        {
            "working_dir": package,
            "env_vars": {**STOP_VARIABLES, JOB_VARIABLE: json.dumps(arrival.told())},
        },
        _on_a_node(run.resources),
    )


def _on_a_node(resources: Resources) -> Resources:
    """Return what to reserve: without any CPU a job would run on the machine of the head.

    That is often not meant for work, and the one whose loss ends the cluster.
    """
    return resources if resources.cpus is not None else replace(resources, cpus=1.0)


def _submit(
    api: JobsApi,
    home: Home,
    run: Run,
    command: list[str],
    runtime_env: Mapping[str, object],
    resources: Resources,
) -> None:
    job_id = job_id_of(run)
    _check_room(api, resources)
    api.submit(
        job_id,
        shlex.join(command),
        resources=resources,
        runtime_env=runtime_env,
        metadata={"run": run.id, "plugin": run.plugin, "action": run.action},
    )
    info = api.find(job_id)
    if info is not None and info.status in ENDED and not _has_begun(home, run):
        raise WorkerLostError(
            f"The job {job_id} ended as {info.status} before it began: {info.message}",
            hint="The cluster must see this Python under the same path, or its configuration name "
            "another as `python`; without a `service` it must see this home, too.",
            job_id=job_id,
        )


def _check_room(api: JobsApi, resources: Resources) -> None:
    """Refuse what the cluster could never give, if it says what it has.

    Raises:
        InvalidInputError: No machine of it has so much.
    """
    memory = float((resources.memory_mb or 0) << 20)
    own = {"CPU": resources.cpus or 0.0, "GPU": resources.gpus or 0.0, "memory": memory}
    wanted = {**own, **resources.custom}
    if not any(wanted.values()):
        return
    try:
        nodes = api.nodes()
    except (NotFoundError, ConflictError, KeyError, TypeError):
        return  # it is of a version that tells it in another way
    check_room(wanted, nodes)


def _has_begun(home: Home, run: Run) -> bool:
    """Whether a worker has claimed it meanwhile; its first word is the status."""
    return bool(Journals(home).tail(run.id, 1).items)

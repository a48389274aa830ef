"""Executes pipelines written in Python on a Ray cluster."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from synapse_core.config.environments import check_service_url
from synapse_core.executors.ray.choosing import SERVED_AT
from synapse_core.operations.pipelines.executor import ProcessPipelineExecutor

__all__ = ["RayPipelineExecutor"]


class RayPipelineExecutor(ProcessPipelineExecutor):
    """Executes each node of a pipeline in a worker that Ray has found room for.

    All else is as without Ray: the same checks, logs, results, cancelling and resuming, so that a
    pipeline that began here can go on there. What a node asks for (`Node.options`, or its action's
    `resources`) is reserved for it. The worker that conducts the pipeline stays on this machine.
    This process never imports Ray.

    Args:
        ray_address: Name of a cluster of the active environment, `host:port` of a head, or the URL
            of a dashboard with `tier="job"`; None for the cluster of this machine, which is started
            if need be.
        working_dir: Folder in which plugins are looked for that a pipeline only names, or one
            plugin's folder; None for the current folder and those that are registered.
        tier: `actor` for workers that start in milliseconds, `job` for those that outlive this
            machine.
        pipeline_service_url: A run service that shows the pipelines as its own, while they go on;
            None for none. One of this home shows them in any case.
        pipeline_service_token: Secret of scope `run` that opens it; None for
            `SYNAPSE_SERVICE_TOKEN`, or the token that a service of this home has made.
        actor_pipeline_service_url: Address at which the machines of the cluster reach the run
            service of this home; needed where they do not see the home on a shared disk, unless
            the configuration says it of the cluster. Not of a service of another home.
        include_sdk: Whether the Synapse of this process is to run the nodes. That of this machine
            does; another cluster has its own, and a warning says so.
        env: Variables for all nodes.
        home: Folder to keep runs in; None for `SYNAPSE_HOME`, else `~/.synapse`.
    """

    def __init__(
        self,
        ray_address: str | None = None,
        working_dir: str | os.PathLike[str] | None = None,
        *,
        tier: Literal["actor", "job"] = "actor",
        pipeline_service_url: str | None = None,
        pipeline_service_token: str | None = None,
        actor_pipeline_service_url: str | None = None,
        include_sdk: bool = False,
        env: Mapping[str, str] | None = None,
        home: Path | str | None = None,
    ) -> None:
        if include_sdk and ray_address is not None:
            warnings.warn(
                f"The machines of {ray_address} run the Synapse that their Ray has installed; "
                "include_sdk sends none. Install the one that you have changed there.",
                stacklevel=2,
            )
        name = f"{tier}@{ray_address}" if ray_address else tier
        if actor_pipeline_service_url is not None:
            url = check_service_url(actor_pipeline_service_url)
            name = f"{tier}@{ray_address or ''}{SERVED_AT}{url}"
        super().__init__(
            home,
            [Path(working_dir).expanduser()] if working_dir is not None else None,
            executor=name,
            env=env,
            service_url=pipeline_service_url,
            service_token=pipeline_service_token,
        )

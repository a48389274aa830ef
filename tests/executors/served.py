"""Runs of a home whose workers reach it over a service."""

import time

from synapse_core.model.run import RetryPolicy, Run
from synapse_core.runs.ids import new_run_id
from synapse_core.workspace import Workspace


def make_run(workspace: Workspace, *, retries: int = 0, **more: object) -> Run:
    now = time.time()
    run = Run(
        id=new_run_id(now),
        plugin="p",
        action="a",
        entrypoint="p:a",
        plugin_path="/p",
        executor="elsewhere",
        retry=RetryPolicy(retries, 0.0),
        created_at=now,
        **more,  # pyright: ignore[reportArgumentType] - fields of a run
    )
    return workspace.runs.create(run)

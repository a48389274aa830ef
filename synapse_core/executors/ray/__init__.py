"""Runs on Ray: as tasks that hold isolated workers, and as jobs.

Ray itself is imported by the driver process and by what it starts, never by a door.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synapse_core.executors.ray.actor_executor import PlacedRun, RayActorExecutor
    from synapse_core.executors.ray.job_executor import JobStatus, RayJobExecutor
    from synapse_core.operations.pipelines.ray_executor import RayPipelineExecutor

__all__ = ["JobStatus", "PlacedRun", "RayActorExecutor", "RayJobExecutor", "RayPipelineExecutor"]

if not TYPE_CHECKING:  # the driver and the launchers, which live in this package, need none of it
    _PLACES = {
        "JobStatus": f"{__name__}.job_executor",
        "PlacedRun": f"{__name__}.actor_executor",
        "RayActorExecutor": f"{__name__}.actor_executor",
        "RayJobExecutor": f"{__name__}.job_executor",
        # It stands further up, and is looked for here all the same.
        "RayPipelineExecutor": "synapse_core.operations.pipelines.ray_executor",
    }

    def __getattr__(name: str) -> object:
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_PLACES[name]), name)

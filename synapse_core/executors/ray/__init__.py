"""Runs on Ray: as tasks that hold isolated workers, and as jobs.

Ray itself is imported by the driver process and by what it starts, never by a door.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synapse_core.executors.ray.actor_executor import PlacedRun, RayActorExecutor
    from synapse_core.executors.ray.job_executor import JobStatus, RayJobExecutor

__all__ = ["JobStatus", "PlacedRun", "RayActorExecutor", "RayJobExecutor"]

if not TYPE_CHECKING:  # the driver and the launchers, which live in this package, need none of it
    _PLACES = {
        "JobStatus": "job_executor",
        "PlacedRun": "actor_executor",
        "RayActorExecutor": "actor_executor",
        "RayJobExecutor": "job_executor",
    }

    def __getattr__(name: str) -> object:
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)

"""Graphs of actions: described, checked before anything runs, executed, watched and resumed."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synapse_core.model.pipeline import FailurePolicy
    from synapse_core.model.pipeline_progress import ActionProgress, PipelineProgress
    from synapse_core.pipelines.action_pipeline import ActionPipeline
    from synapse_core.pipelines.display import display_progress, display_progress_async
    from synapse_core.pipelines.nodes import Node, index, item, params
    from synapse_core.pipelines.reporting import PipelineReport
    from synapse_core.runtime.pipeline_folders import PipelineContext

__all__ = [
    "ActionPipeline",
    "ActionProgress",
    "FailurePolicy",
    "Node",
    "PipelineContext",
    "PipelineProgress",
    "PipelineReport",
    "display_progress",
    "display_progress_async",
    "index",
    "item",
    "params",
]

_HOMES = {
    "ActionPipeline": "synapse_core.pipelines.action_pipeline",
    "ActionProgress": "synapse_core.model.pipeline_progress",
    "FailurePolicy": "synapse_core.model.pipeline",
    "Node": "synapse_core.pipelines.nodes",
    "PipelineContext": "synapse_core.runtime.pipeline_folders",
    "PipelineProgress": "synapse_core.model.pipeline_progress",
    "PipelineReport": "synapse_core.pipelines.reporting",
    "display_progress": "synapse_core.pipelines.display",
    "display_progress_async": "synapse_core.pipelines.display",
    "index": "synapse_core.pipelines.nodes",
    "item": "synapse_core.pipelines.nodes",
    "params": "synapse_core.pipelines.nodes",
}
"""The module of each public name."""

if not TYPE_CHECKING:  # else a misspelt name would pass a type checker

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(home), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})

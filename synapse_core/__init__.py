"""Write typed Python actions, run them anywhere, watch them, and ship them.

Each public name is imported when it is first asked for, so that a program pays for what it uses.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from synapse_core.version import __version__

if TYPE_CHECKING:
    from synapse_core.actions.base import BaseAction
    from synapse_core.actions.decorator import action
    from synapse_core.clients.sync_service import PipelineServiceClient
    from synapse_core.context import RuntimeContext
    from synapse_core.context.env import PluginEnvironment
    from synapse_core.discovery import PluginDiscovery
    from synapse_core.enums import PluginCategory
    from synapse_core.executors.local import LocalExecutor
    from synapse_core.operations.deployments.action import BaseDeploymentAction
    from synapse_core.operations.pipelines.executor import ProcessPipelineExecutor
    from synapse_core.operations.pipelines.ray_executor import RayPipelineExecutor
    from synapse_core.pipelines import (
        ActionPipeline,
        PipelineContext,
        PipelineProgress,
        display_progress,
        display_progress_async,
    )
    from synapse_core.runner import run_plugin
    from synapse_core.steps import (
        BaseStep,
        BaseStepContext,
        Orchestrator,
        StepRegistry,
        StepResult,
    )
    from synapse_core.workloads.inference import BaseInferenceAction, BaseServeDeployment

__all__ = [
    "ActionPipeline",
    "BaseAction",
    "BaseDeploymentAction",
    "BaseInferenceAction",
    "BaseServeDeployment",
    "BaseStep",
    "BaseStepContext",
    "LocalExecutor",
    "Orchestrator",
    "PipelineContext",
    "PipelineProgress",
    "PipelineServiceClient",
    "PluginCategory",
    "PluginDiscovery",
    "PluginEnvironment",
    "ProcessPipelineExecutor",
    "RayPipelineExecutor",
    "RuntimeContext",
    "StepRegistry",
    "StepResult",
    "__version__",
    "action",
    "display_progress",
    "display_progress_async",
    "run_plugin",
]

_HOMES = {
    "ActionPipeline": "synapse_core.pipelines",
    "BaseAction": "synapse_core.actions.base",
    "BaseDeploymentAction": "synapse_core.operations.deployments.action",
    "BaseInferenceAction": "synapse_core.workloads.inference",
    "BaseServeDeployment": "synapse_core.workloads.inference",
    "BaseStep": "synapse_core.steps",
    "BaseStepContext": "synapse_core.steps",
    "LocalExecutor": "synapse_core.executors.local",
    "Orchestrator": "synapse_core.steps",
    "PipelineContext": "synapse_core.pipelines",
    "PipelineProgress": "synapse_core.pipelines",
    "PipelineServiceClient": "synapse_core.clients.sync_service",
    "PluginCategory": "synapse_core.enums",
    "PluginDiscovery": "synapse_core.discovery",
    "PluginEnvironment": "synapse_core.context.env",
    "ProcessPipelineExecutor": "synapse_core.operations.pipelines.executor",
    "RayPipelineExecutor": "synapse_core.operations.pipelines.ray_executor",
    "RuntimeContext": "synapse_core.context",
    "StepRegistry": "synapse_core.steps",
    "StepResult": "synapse_core.steps",
    "action": "synapse_core.actions.decorator",
    "display_progress": "synapse_core.pipelines",
    "display_progress_async": "synapse_core.pipelines",
    "run_plugin": "synapse_core.runner",
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

"""Ordered parts of an action, with rollback."""

from synapse_core.steps.base import BaseStep
from synapse_core.steps.context import BaseStepContext
from synapse_core.steps.orchestrator import Orchestrator
from synapse_core.steps.registry import StepRegistry
from synapse_core.steps.results import StepResult
from synapse_core.steps.wrappers import LoggingStep, TimingStep, ValidationStep, WrappedStep

__all__ = [
    "BaseStep",
    "BaseStepContext",
    "LoggingStep",
    "Orchestrator",
    "StepRegistry",
    "StepResult",
    "TimingStep",
    "ValidationStep",
    "WrappedStep",
]

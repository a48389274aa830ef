"""A pipeline as somebody described it, in Python or in YAML, before it was looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from synapse_core.actions.definition import Action
from synapse_core.model.pipeline import FailurePolicy, Target
from synapse_core.model.run import Resources, RetryPolicy
from synapse_core.types import JSONObject, JSONValue

__all__ = ["ActionFacts", "Executable", "FindFacts", "NodeDraft", "PipelineDraft"]

Executable: TypeAlias = "Action | str | PipelineDraft"
"""What a node executes: an action, the name of an action or pipeline, or a pipeline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDraft:
    """A node as it was described; `None` leaves the choice to the action.

    Attributes:
        name: What it goes by.
        action: The action itself, a pipeline, or `plugin/name` of one of them.
        inputs: Template of its params; None for what the pipeline and earlier results offer.
        after: Nodes that must have ended before, besides those whose values it uses.
        when: Conditions.
        over: Template of the list it is repeated for.
        limit: How many repetitions are made at once.
        timeout_s: Seconds an attempt may take.
        retry: How a failed execution is repeated.
        resources: What one execution may use.
        cache: Whether an earlier result will do.
        undo: The action that undoes it, or `plugin/action`.
    """

    name: str
    action: Executable
    inputs: JSONObject | None = None
    after: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    over: JSONValue = None
    limit: int = 4
    timeout_s: float | None = None
    retry: RetryPolicy | None = None
    resources: Resources | None = None
    cache: bool = False
    undo: Action | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineDraft:
    """A pipeline as it was described.

    Attributes:
        name: Name of the pipeline.
        nodes: In any order.
        description: What it does, in a sentence.
        plugin: Code of the plugin that it belongs to; may be empty.
        plugin_path: Folder of that plugin.
        plugin_version: Version of that plugin.
        defaults: Params that need not be given.
        output: Template of the result.
        on_failure: What becomes of the other nodes when one fails.
        max_parallel: How many actions run at once.
        timeout_s: Seconds the whole may take.
    """

    name: str
    nodes: Sequence[NodeDraft]
    description: str = ""
    plugin: str = ""
    plugin_path: str = ""
    plugin_version: str = ""
    defaults: JSONObject = field(default_factory=dict[str, JSONValue])
    output: JSONValue = None
    on_failure: FailurePolicy = FailurePolicy.FAIL_FAST
    max_parallel: int = 4
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFacts:
    """What must be known of an action to see whether it fits into a graph.

    Attributes:
        target: How it is executed.
        params: JSON schema of its params.
        result: JSON schema of its result; None when it may return anything.
        input_type: Name of the semantic type it consumes.
        output_kinds: Names of the semantic type it produces and of what that refines.
        example: Params that it takes.
        retry: Its own policy.
        timeout_s: Its own limit.
        resources: What it says it needs.
    """

    target: Target
    params: JSONObject
    result: JSONObject | None = None
    input_type: str | None = None
    output_kinds: tuple[str, ...] = ()
    example: JSONObject = field(default_factory=dict[str, JSONValue])
    retry: RetryPolicy = RetryPolicy()
    timeout_s: float | None = None
    resources: Resources = Resources()


FindFacts: TypeAlias = Callable[[Action | str], ActionFacts]
"""Finds an action, or a pipeline by its name; raises a `SynapseError` that says why it cannot be
had."""

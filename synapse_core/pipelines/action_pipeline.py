"""Pipelines written in Python."""

import secrets
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from synapse_core.actions.definition import Action
from synapse_core.actions.results import result_to_json
from synapse_core.errors import PipelineDefinitionError
from synapse_core.executors.console import ConsoleSink
from synapse_core.model.pipeline import FailurePolicy, Plan, free_node_name
from synapse_core.pipelines.compiling import Compiled, compile_plan
from synapse_core.pipelines.drafts import NodeDraft, PipelineDraft
from synapse_core.pipelines.in_process import execute_plan
from synapse_core.pipelines.interface import check_names, params_schema
from synapse_core.pipelines.nodes import Node, draft_of, executable_of, name_of, template_of
from synapse_core.pipelines.python_facts import describe_python_action
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.env import PluginEnvironment
from synapse_core.types import JSONObject, JSONValue

__all__ = ["ActionPipeline", "PipelineExecutor"]


class PipelineExecutor(Protocol):
    """Executes pipelines so that they outlive whoever started them."""

    def submit(
        self,
        pipeline: "ActionPipeline",
        params: JSONObject,
        name: str | None = None,
        resume_from: str | None = None,
    ) -> str:
        """Start a pipeline and return the id of its run.

        Raises:
            PipelineDefinitionError: It cannot be executed.
            ParamsError: The params do not fit.
        """
        ...

    def wait(self, run_id: str, timeout_s: float | None = None) -> JSONValue:
        """Return the result when the run has ended.

        Raises:
            PipelineError: A node failed.
            RunCancelledError: It was cancelled.
            RunTimeoutError: It has not ended in that time; it goes on.
        """
        ...


class ActionPipeline:
    """Actions that follow from one another.

    Given actions, each gets the params of the pipeline and the fields of all results before it,
    where it takes a param of that name. Given nodes, they form a graph as their inputs say. A
    pipeline may stand where an action may.

    Everything is checked here, before anything runs.

    Args:
        actions: Actions, one after the other; or nodes, in any order.
        name: Name of the pipeline.
        description: What it does, in a sentence.
        defaults: Params that need not be given.
        output: What the result is made of: a value of a node, or a dict or list with such values;
            else what the nodes return that no other node needs.
        on_failure: What becomes of the other nodes when one fails.
        max_parallel: How many actions run at once; in this process, it is one.
        timeout_s: Seconds the whole may take, where an executor runs it.

    Attributes:
        plan: The graph.

    Raises:
        PipelineDefinitionError: It cannot be executed; `data["problems"]` lists all that is wrong.
    """

    def __init__(
        self,
        actions: "Sequence[Action | ActionPipeline | Node]",
        *,
        name: str = "pipeline",
        description: str = "",
        defaults: Mapping[str, object] | None = None,
        output: object = None,
        on_failure: FailurePolicy | str = FailurePolicy.FAIL_FAST,
        max_parallel: int = 4,
        timeout_s: float | None = None,
    ) -> None:
        nodes = _drafts_of(actions)
        self.draft = PipelineDraft(
            name=name,
            nodes=nodes,
            description=description,
            defaults={key: _plain(value) for key, value in (defaults or {}).items()},
            output=template_of(output),
            on_failure=FailurePolicy(on_failure),
            max_parallel=max_parallel,
            timeout_s=timeout_s,
        )
        # Actions that are only named belong to plugins: whoever executes them looks for them.
        self._names_only = [one.name for one in nodes if _is_named(one)]
        self._compiled: Compiled | None = None
        if not self._names_only:
            self._compiled = compile_plan(self.draft, describe_python_action)

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return self.draft.name

    @property
    def plan(self) -> Plan:
        """The graph, checked.

        Raises:
            PipelineDefinitionError: It has actions of plugins, which this process has not loaded.
        """
        return self._require_compiled().plan

    @cached_property
    def params_schema(self) -> JSONObject:
        """JSON schema of what the pipeline is given."""
        compiled = self._require_compiled()
        return params_schema(compiled.plan, compiled.facts)

    def execute(
        self, params: Mapping[str, object] | BaseModel | None, ctx: RuntimeContext | None = None
    ) -> Any:  # noqa: ANN401 - whatever the last action returns
        """Execute it in this process, one action after the other, and return its result.

        Where one node gives the result, it is what its action returned, as it is.

        Args:
            params: Params of the pipeline.
            ctx: All that it may touch; each action gets a part of it, with `ctx.pipeline`. Without
                it, what happens is shown on stderr, and files lie among the temporary ones.

        Raises:
            ParamsError: The pipeline has no such param, or lacks one.
            PipelineError: A node failed; its cause is what the action raised, and
                `data["results"]` has what the others returned.
            RunCancelledError: It was cancelled.
        """
        plan = self.plan
        given = _object_of(params)
        check_names(plan, self.params_schema, given)
        if ctx is not None:
            return execute_plan(plan, self.draft, given, ctx)
        with _new_context() as own:
            return execute_plan(plan, self.draft, given, own)

    def submit(
        self,
        params: Mapping[str, object] | BaseModel | None,
        executor: PipelineExecutor,
        name: str | None = None,
        resume_from: str | None = None,
    ) -> str:
        """Start it through an executor and return the id of its run.

        Args:
            params: Params of the pipeline.
            executor: What executes it.
            name: Name of the run's pipeline, instead of its own.
            resume_from: An earlier run of it; what finished there is not executed again.
        """
        return executor.submit(self, _object_of(params), name=name, resume_from=resume_from)

    def wait(
        self, run_id: str, executor: PipelineExecutor, timeout_seconds: float | None = None
    ) -> JSONValue:
        """Return the result of a run when it has ended.

        Raises:
            PipelineError: A node failed.
            RunCancelledError: It was cancelled.
            RunTimeoutError: It has not ended in that time; it goes on.
        """
        return executor.wait(run_id, timeout_seconds)

    def _require_compiled(self) -> Compiled:
        if self._compiled is None:
            listed = ", ".join(self._names_only)
            raise PipelineDefinitionError(
                f"The pipeline {self.name!r} has actions of plugins: {listed}.",
                hint="Start it through an executor, which finds them.",
            )
        return self._compiled


def _drafts_of(actions: Sequence[Action | ActionPipeline | Node]) -> list[NodeDraft]:
    if not any(isinstance(one, Node) for one in actions):
        return _chain([one for one in actions if not isinstance(one, Node)])
    drafts: list[NodeDraft] = []
    for one in actions:
        if not isinstance(one, Node):
            raise PipelineDefinitionError(
                f"{one!r} stands among nodes and is none.",
                hint="Write Node(…) around it, or give actions only, for one after the other.",
            )
        drafts.append(draft_of(one))
    return drafts


def _chain(actions: Sequence[Action | ActionPipeline]) -> list[NodeDraft]:
    drafts: list[NodeDraft] = []
    taken: set[str] = set()
    for action in actions:
        executed = executable_of(action)
        name = free_node_name(name_of(executed), taken)
        taken.add(name)
        after = (drafts[-1].name,) if drafts else ()
        drafts.append(NodeDraft(name=name, action=executed, after=after))
    return drafts


def _new_context() -> RuntimeContext:
    token = secrets.token_hex(6)
    return RuntimeContext(
        ConsoleSink(),
        env=PluginEnvironment(None),
        job_id=f"local-{token}",
        folder=Path(tempfile.gettempdir(), f"synapse-local-{token}"),
        cancel=CancelToken(),
    )


def _is_named(node: NodeDraft) -> bool:
    if isinstance(node.action, PipelineDraft):
        return any(_is_named(inner) for inner in node.action.nodes)
    return isinstance(node.action, str) or isinstance(node.undo, str)


def _object_of(params: Mapping[str, object] | BaseModel | None) -> JSONObject:
    plain = result_to_json(params if params is not None else {})
    if not isinstance(plain, dict):
        raise TypeError("params are an object")
    return plain


def _plain(value: object) -> JSONValue:
    return result_to_json(value)

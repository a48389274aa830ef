"""List, describe, start, resume and watch pipelines."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from synapse_core.errors import InvalidInputError, PipelineNotFoundError
from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.model.plugin import ActionSpec, Plugin
from synapse_core.model.run import Run, RunKind
from synapse_core.operations.pipeline_plans import compile_pipeline, schema_of
from synapse_core.operations.pipelines.documents import (
    PipelineDescription,
    PipelineListing,
    parse_description,
    parse_listing,
)
from synapse_core.operations.pipelines.watching import build_progress
from synapse_core.operations.plugins import (
    ActionDescription,
    describe_action,
    find_plugin,
    pipeline_names,
)
from synapse_core.operations.runs import StartRun, get_run, rerun, start_run
from synapse_core.pipelines.interface import params_schema
from synapse_core.types import JSONObject, JSONValue
from synapse_core.workspace import Workspace

__all__ = [
    "PipelineDescription",
    "PipelineListing",
    "StartPipeline",
    "describe_pipeline",
    "describe_startable",
    "follow_progress",
    "get_pipeline_run",
    "get_progress",
    "list_pipelines",
    "resume_pipeline",
    "start_pipeline",
]

_LOOK_S = 0.5
"""Between two looks at the progress of nodes, whose reports wake nobody who watches the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPipeline:
    """What to execute, and how.

    Attributes:
        plugin: Code of a plugin, or path of its folder.
        pipeline: Name of the pipeline.
        params: Its params.
        resume_from: An earlier run of it; what finished there is not executed again.
        executor: Name of the executor that places the nodes.
        timeout_s: Seconds the whole may take; None for the pipeline's own limit.
        env: Variables for all nodes.
        idempotency_key: Starting again with the same key returns the same run.
        dry_run: Check everything and create nothing.
    """

    plugin: str
    pipeline: str
    params: JSONObject = field(default_factory=dict[str, JSONValue])
    resume_from: str | None = None
    executor: str = "process"
    timeout_s: float | None = None
    env: dict[str, str] = field(default_factory=dict[str, str])
    idempotency_key: str | None = None
    dry_run: bool = False


def list_pipelines(workspace: Workspace, plugin: str | None = None) -> list[PipelineListing]:
    """Return the pipelines of one plugin, or of all that can be read; those of a service there.

    Raises:
        PluginNotFoundError: There is no such plugin.
    """
    if workspace.service is not None:
        return [parse_listing(told) for told in workspace.service.pipelines(plugin)]
    plugins = workspace.catalog.plugins() if plugin is None else [find_plugin(workspace, plugin)]
    found: list[PipelineListing] = []
    for one in plugins:
        declared = one.manifest.get("pipelines")
        for name, entry in declared.items() if isinstance(declared, dict) else ():
            if isinstance(entry, dict):
                nodes, chain = entry.get("nodes"), entry.get("chain")
                named = nodes if isinstance(nodes, dict) and nodes else chain
                listing = PipelineListing(
                    plugin=one.code,
                    name=name,
                    description=str(entry.get("description", "")),
                    nodes=tuple(map(str, named)) if isinstance(named, dict | list) else (),
                )
                found.append(listing)
    return found


def describe_pipeline(workspace: Workspace, plugin: str, name: str) -> PipelineDescription:
    """Return a pipeline of a plugin with its graph and params; its actions are looked at.

    Raises:
        PipelineDefinitionError: It cannot be executed; `data["problems"]` lists all that is wrong.
        PipelineNotFoundError: The plugin has none of this name.
    """
    if workspace.service is not None:
        return parse_description(workspace.service.pipeline(plugin, name))
    compiled = compile_pipeline(workspace, find_plugin(workspace, plugin), name)
    return PipelineDescription(
        plan=compiled.plan, params=params_schema(compiled.plan, compiled.facts)
    )


def describe_startable(workspace: Workspace, plugin: Plugin, name: str) -> ActionDescription:
    """Return what can be started by a name: an action, or a pipeline told as if it were one.

    Raises:
        ActionLoadError: The action cannot be imported, or is none.
        ActionNotFoundError: The plugin has neither an action nor a pipeline of this name.
        PipelineDefinitionError: The pipeline cannot be executed.
    """
    if name in plugin.actions or name not in pipeline_names(plugin):
        return describe_action(workspace, plugin, name)
    compiled = compile_pipeline(workspace, plugin, name)
    plan = compiled.plan
    nodes = f"Pipeline of {', '.join(node.name for node in plan.nodes)}."
    spec = ActionSpec(
        name=name,
        entrypoint="",
        kind="pipeline",
        description=f"{plan.description} {nodes}".strip(),
        timeout_s=plan.timeout_s,
    )
    return ActionDescription(plugin=plugin, spec=spec, schema=schema_of(compiled))


def start_pipeline(workspace: Workspace, request: StartPipeline) -> Run:
    """Create a pipeline run and place it; returns at once.

    Raises:
        ParamsError: The params do not meet the pipeline's schema.
        PipelineDefinitionError: It cannot be executed.
        PipelineNotFoundError: The plugin has none of this name.
        RunNotFoundError: There is no run to resume.
        InvalidInputError: The run to resume is of another pipeline.
    """
    if workspace.service is None:
        plugin = find_plugin(workspace, request.plugin)
        code, names = plugin.code, pipeline_names(plugin)
    else:
        # An action of this name would be started there as well.
        code = request.plugin
        names = [one.name for one in list_pipelines(workspace, code)]
    if request.pipeline not in names:
        raise PipelineNotFoundError(code, request.pipeline, names)
    return start_run(
        workspace,
        StartRun(
            plugin=request.plugin,
            action=request.pipeline,
            params=request.params,
            executor=request.executor,
            timeout_s=request.timeout_s,
            env=request.env,
            idempotency_key=request.idempotency_key,
            dry_run=request.dry_run,
            rerun_of=request.resume_from,
            resume=request.resume_from is not None,
        ),
    )


def resume_pipeline(
    workspace: Workspace, run_id: str, *, params: JSONObject | None = None, dry_run: bool = False
) -> Run:
    """Start a pipeline again where an earlier run of it ended.

    Nodes that finished there with the same code and params are skipped, and their results taken;
    those whose code or params have changed run again, and the log says so.

    Args:
        workspace: Where the run is.
        run_id: The earlier run.
        params: Params in place of those of the earlier run.
        dry_run: Check everything and create nothing.

    Raises:
        InvalidInputError: It is no run of a pipeline.
        RunNotFoundError: There is no such run.
    """
    get_pipeline_run(workspace, run_id)
    return rerun(workspace, run_id, params=params, resume=True, dry_run=dry_run)


def get_pipeline_run(workspace: Workspace, run_id: str) -> Run:
    """Return a pipeline run with an up-to-date summary.

    Raises:
        InvalidInputError: It is no run of a pipeline.
        RunNotFoundError: There is no such run.
    """
    run = get_run(workspace, run_id)
    if run.kind is not RunKind.PIPELINE:
        raise InvalidInputError(
            f"Run {run_id} executes the action {run.action!r}, no pipeline.",
            hint=f"It is a node of {run.parent_id}."
            if run.parent_id
            else "Show it as any other run: `synapse run show`, or the tool run_status.",
            run_id=run_id,
        )
    return run


def get_progress(workspace: Workspace, run_id: str) -> PipelineProgress:
    """Return how a pipeline run stands, with each of its nodes.

    Raises:
        InvalidInputError: It is no run of a pipeline.
        RunNotFoundError: There is no such run.
    """
    if workspace.service is not None:
        return workspace.service.progress(run_id)
    return build_progress(workspace, get_pipeline_run(workspace, run_id))


def follow_progress(
    workspace: Workspace, run_id: str, *, timeout_s: float | None = None
) -> Iterator[PipelineProgress]:
    """Yield how a pipeline run stands whenever it has changed; the last one is its end.

    Args:
        workspace: Where the run is.
        run_id: The run.
        timeout_s: Seconds after which to stop watching; None to watch to the end.

    Raises:
        InvalidInputError: It is no run of a pipeline.
        RunNotFoundError: There is no such run.
    """
    until = None if timeout_s is None else time.monotonic() + timeout_s
    cursor = None
    told: PipelineProgress | None = None
    while True:
        # The place first: what is written while the state is read is waited for again.
        cursor = workspace.journals.tail(run_id, 1).next_cursor
        progress = get_progress(workspace, run_id)
        if progress != told:
            told = progress
            yield progress
        if progress.status.is_terminal or (until is not None and time.monotonic() >= until):
            return
        workspace.journals.wait(run_id, cursor, timeout_s=_LOOK_S)

"""Turn pipelines, as a plugin's config.yaml or a program describes them, into checked plans."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import synapse_core.types
from synapse_core.actions.definition import Action
from synapse_core.errors import (
    InvalidInputError,
    PipelineDefinitionError,
    PipelineNotFoundError,
)
from synapse_core.model.pipeline import (
    FailurePolicy,
    Plan,
    Target,
    first_action,
    free_node_name,
)
from synapse_core.model.plugin import ActionSchema, Plugin
from synapse_core.model.run import RetryPolicy, Run, RunKind
from synapse_core.operations.plugins import (
    ActionDescription,
    describe_action,
    find_plugin,
    pipeline_names,
    validate_params,
)
from synapse_core.pipelines.compiling import Compiled, compile_plan
from synapse_core.pipelines.drafts import ActionFacts, FindFacts, NodeDraft, PipelineDraft
from synapse_core.pipelines.fingerprint import digest_code
from synapse_core.pipelines.interface import params_example, params_schema
from synapse_core.pipelines.nesting import facts_of_pipeline
from synapse_core.pipelines.placing import KEEPS_ON
from synapse_core.pipelines.python_facts import accepted_params, kinds_of_type
from synapse_core.plugins.manifest_parts import RetriesEntry
from synapse_core.plugins.pipeline_entries import NodeEntry, PipelineEntry
from synapse_core.runs.ids import new_run_id
from synapse_core.types import DataType, JSONObject
from synapse_core.workspace import Workspace

__all__ = [
    "compile_pipeline",
    "describe_pipeline_run",
    "draft_pipeline",
    "facts_finder",
    "schema_of",
]


def compile_pipeline(workspace: Workspace, plugin: Plugin, name: str) -> Compiled:
    """Return a pipeline of a plugin, checked against the actions that it names.

    Raises:
        PipelineDefinitionError: It cannot be executed; `data["problems"]` lists all that is wrong.
        PipelineNotFoundError: The plugin has none of this name.
    """
    return _compile(workspace, plugin, name, ())


def _compile(workspace: Workspace, plugin: Plugin, name: str, within: tuple[str, ...]) -> Compiled:
    """Compile a pipeline that is a node of those it stands in, the outermost first."""
    own = f"{plugin.code}/{name}"
    if own in within:
        circle = " → ".join([*within[within.index(own) :], own])
        raise PipelineDefinitionError(
            f"The pipeline {own!r} would run itself: {circle}.",
            hint="Take it out of one of these.",
            pipeline=own,
        )
    find = facts_finder(workspace, plugin, (*within, own))
    return compile_plan(draft_pipeline(plugin, name), find)


def schema_of(compiled: Compiled) -> ActionSchema:
    """Return what a pipeline takes, as it is told of an action."""
    plan, facts = compiled.plan, compiled.facts
    return ActionSchema(
        params=params_schema(plan, facts),
        result=None,
        form=[],
        example=params_example(plan, facts),
    )


def describe_pipeline_run(
    compiled: Compiled, params: JSONObject, executor: str, *, env: Mapping[str, str]
) -> tuple[Run, Plan]:
    """Return the run that executes a pipeline, and its plan with the executor of the nodes in it.

    Args:
        compiled: The pipeline.
        params: What it is given.
        executor: Name of the executor that places the nodes.
        env: Variables for all nodes, besides those of their plugins.

    Raises:
        ParamsError: The params do not meet the pipeline's schema.
    """
    plan = replace(compiled.plan, executor=executor)
    validate_params(schema_of(compiled), params)
    first = first_action(plan.nodes[0].target)
    now = time.time()
    run = Run(
        id=new_run_id(now),
        kind=RunKind.PIPELINE,
        plugin=plan.plugin or first.plugin,
        plugin_version=plan.plugin_version,
        plugin_path=plan.plugin_path or first.plugin_path,
        action=plan.name,
        entrypoint="",
        params=params,
        env=dict(env),
        retry=KEEPS_ON,
        created_at=now,
    )
    return run, plan


def draft_pipeline(plugin: Plugin, name: str) -> PipelineDraft:
    """Return a pipeline as the plugin's config.yaml describes it.

    Raises:
        PipelineNotFoundError: The plugin has none of this name.
    """
    declared: Any = plugin.manifest.get("pipelines")
    if not isinstance(declared, dict) or name not in declared:
        raise PipelineNotFoundError(plugin.code, name, pipeline_names(plugin))
    try:
        entry = PipelineEntry.model_validate(declared[name])
    except ValidationError as error:
        raise InvalidInputError(
            f"The pipeline {name!r} of {plugin.code} was read by another version.",
            hint="Save the plugin's config.yaml again.",
        ) from error
    return PipelineDraft(
        name=name,
        nodes=_chain(entry.chain) if entry.chain else _graph(entry.nodes),
        description=entry.description,
        plugin=plugin.code,
        plugin_path=str(plugin.path),
        plugin_version=plugin.version,
        defaults=dict(entry.params),
        output=entry.output,
        on_failure=FailurePolicy(entry.on_failure),
        max_parallel=entry.max_parallel,
        timeout_s=entry.timeout,
    )


def facts_finder(
    workspace: Workspace, home_plugin: Plugin | None, within: tuple[str, ...] = ()
) -> FindFacts:
    """Return what finds the actions and pipelines that nodes name; each plugin is looked at once.

    Args:
        workspace: Where plugins are.
        home_plugin: The plugin whose actions need no code before their name.
        within: The pipelines that the nodes stand in, as `plugin/name`, the outermost first.
    """

    @cache
    def plugin_of(code: str) -> Plugin:
        return find_plugin(workspace, code)

    @cache
    def code_of(path: Path) -> str:
        return digest_code(path)

    @cache
    def find(reference: Action | str) -> ActionFacts:
        if not isinstance(reference, str):
            raise TypeError(f"{reference} is no name of an action")
        code, _, name = reference.rpartition("/")
        plugin = home_plugin if not code and home_plugin is not None else plugin_of(code)
        if name not in plugin.actions and name in pipeline_names(plugin):
            compiled = _compile(workspace, plugin, name, within)
            return facts_of_pipeline(compiled.plan, compiled.facts)
        return _facts(describe_action(workspace, plugin, name), code_of)

    return find


def _facts(described: ActionDescription, code_of: Callable[[Path], str]) -> ActionFacts:
    plugin, spec, schema = described.plugin, described.spec, described.schema
    return ActionFacts(
        target=Target(
            plugin=plugin.code,
            plugin_version=plugin.version,
            plugin_path=str(plugin.path),
            action=spec.name,
            entrypoint=spec.entrypoint,
            code=code_of(plugin.path),
            accepts=accepted_params(schema.params),
            env=dict(plugin.env),
        ),
        params=schema.params,
        result=schema.result,
        input_type=spec.input_type,
        output_kinds=described.output_kinds or _known_kinds(spec.output_type),
        example=schema.example,
        retry=spec.retry,
        timeout_s=spec.timeout_s,
        resources=spec.resources,
    )


def _known_kinds(name: str | None) -> tuple[str, ...]:
    """Return a semantic type with those it refines, as far as its name alone tells them."""
    if name is None:
        return ()
    known = getattr(synapse_core.types, name, None)
    if isinstance(known, type) and issubclass(known, DataType):
        return kinds_of_type(known)
    return (name,)


def _chain(names: list[str]) -> list[NodeDraft]:
    drafts: list[NodeDraft] = []
    for reference in names:
        after = (drafts[-1].name,) if drafts else ()
        taken = {draft.name for draft in drafts}
        name = free_node_name(reference.rpartition("/")[2], taken)
        drafts.append(NodeDraft(name=name, action=reference, after=after))
    return drafts


def _graph(nodes: Mapping[str, NodeEntry]) -> list[NodeDraft]:
    return [
        NodeDraft(
            name=name,
            action=entry.action,
            inputs=None if entry.inputs is None else dict(entry.inputs),
            after=tuple(entry.after),
            when=tuple(entry.when),
            over=entry.map,
            limit=entry.max_parallel,
            timeout_s=entry.timeout,
            retry=_retry(entry.retries),
            resources=None if entry.resources is None else entry.resources.wanted(),
            cache=entry.cache,
            undo=entry.undo,
        )
        for name, entry in nodes.items()
    ]


def _retry(entry: RetriesEntry | None) -> RetryPolicy | None:
    if entry is None:
        return None
    return RetryPolicy(entry.retries, entry.backoff, entry.factor, entry.max_backoff)

"""Pipelines that can be started, their runs, how those stand, and what their nodes returned."""

from functools import partial

from starlette.responses import Response

from synapse_core.errors import NotFoundError, RateLimitedError, nearest
from synapse_core.model.documents import run_document
from synapse_core.model.run import Run, RunFilter
from synapse_core.operations.discretion import without_secrets
from synapse_core.operations.pipelines.verbs import (
    StartPipeline,
    get_pipeline_run,
    resume_pipeline,
    start_pipeline,
)
from synapse_core.runs.nodes import list_nodes
from synapse_core.service.desk import Asked, Desk, json_response
from synapse_core.service.endpoint import Endpoint, Parameter
from synapse_core.service.orders import PipelineOrder, ResumeOrder, parse_order
from synapse_core.service.progress_stream import ProgressStream
from synapse_core.service.run_endpoints import page_of_runs, shown_run
from synapse_core.service.scopes import Scope
from synapse_core.types import JSONValue
from synapse_core.workspace import Workspace

__all__ = ["PIPELINE_ENDPOINTS"]

_PIPELINES = "/api/v1/pipelines"
_PIPELINE = f"{_PIPELINES}/{{plugin}}/{{name}}"
_RUN = "/api/v1/runs/{run_id}"

_LATEST = "latest"
"""No node can be called so."""


async def _list(desk: Desk, asked: Asked) -> Response:
    found = await desk.blocking(partial(desk.own_runs.pipelines, asked.text("plugin")))
    return json_response({"pipelines": list[JSONValue](found)})


async def _describe(desk: Desk, asked: Asked) -> Response:
    described = await desk.blocking(partial(desk.own_runs.pipeline, *_named(asked)))
    return json_response({"pipeline": described})


async def _start(desk: Desk, asked: Asked) -> Response:
    order = parse_order(PipelineOrder, await asked.document())
    plugin, name = _named(asked)
    request = StartPipeline(
        plugin=plugin,
        pipeline=name,
        params=order.params,
        resume_from=order.resume_from,
        executor=order.executor,
        timeout_s=order.timeout_s,
        env=order.env,
        idempotency_key=order.idempotency_key,
        dry_run=order.dry_run,
    )
    run = await desk.blocking(partial(start_pipeline, desk.workspace, request))
    return json_response(shown_run(run, asked), 200 if order.dry_run else 201)


async def _list_runs(desk: Desk, asked: Asked) -> Response:
    plugin, name = _named(asked)
    return await page_of_runs(desk, asked, RunFilter(plugin=plugin, action=name))


async def _resume(desk: Desk, asked: Asked) -> Response:
    order = parse_order(ResumeOrder, await asked.document())
    resume = partial(
        resume_pipeline,
        desk.workspace,
        asked.run_id,
        params=order.params,
        dry_run=order.dry_run,
    )
    return json_response(
        shown_run(await desk.blocking(resume), asked), 200 if order.dry_run else 201
    )


async def _tell_progress(desk: Desk, asked: Asked) -> Response:
    progress = await desk.blocking(partial(desk.own_runs.progress, asked.run_id))
    return json_response({"progress": progress.model_dump(mode="json")})


async def _stream_progress(desk: Desk, asked: Asked) -> Response:
    if desk.metrics.followers >= desk.limits.max_followers:
        raise RateLimitedError(
            f"{desk.limits.max_followers} streams are open already.",
            hint="Ask for the progress now and then, or try again later.",
            retry_after_s=5,
        )
    await desk.blocking(partial(get_pipeline_run, desk.workspace, asked.run_id))
    seen = asked.request.headers.get("last-event-id") or asked.text("after")
    return ProgressStream(desk, asked.run_id, seen)


async def _list_nodes(desk: Desk, asked: Asked) -> Response:
    runs = await desk.blocking(partial(_nodes, desk.workspace, asked.run_id))
    return json_response({"runs": [run_document(run) for run in runs], "next_cursor": None})


def _nodes(workspace: Workspace, run_id: str) -> list[Run]:
    """Return the runs of the nodes, in the order in which they were begun."""
    get_pipeline_run(workspace, run_id)
    return sorted(list_nodes(workspace.runs, run_id), key=lambda run: (run.created_at, run.id))


async def _get_node(desk: Desk, asked: Asked) -> Response:
    name = str(asked.request.path_params["node"])
    runs = await desk.blocking(partial(_runs_of_node, desk.workspace, asked.run_id, name))
    shown = runs if asked.scope.includes(Scope.RUN) else map(without_secrets, runs)
    return json_response(
        {
            "node": runs[0].node.partition("[")[0],
            "runs": [run_document(run) for run in shown],
        }
    )


def _runs_of_node(workspace: Workspace, run_id: str, name: str) -> list[Run]:
    """Return the runs of a node with what they were given and returned."""
    nodes = _nodes(workspace, run_id)
    if name == _LATEST:
        ended = [run for run in nodes if run.finished_at is not None and ":" not in run.node]
        name = max(ended, key=lambda run: run.finished_at or 0.0).node if ended else name
    found = [run for run in nodes if name in {run.node, run.node.partition("[")[0]}]
    if not found:
        known = list(dict.fromkeys(run.node for run in nodes))
        said = "No node has ended" if name == _LATEST else f"No node {name[:80]!r} was executed"
        raise NotFoundError(
            f"{said} in run {run_id}.",
            hint=f"{nearest(name, known)} Executed were: {', '.join(known) or 'none'}.".strip(),
            run_id=run_id,
        )
    return [workspace.runs.get(run.id) for run in found]


def _named(asked: Asked) -> tuple[str, str]:
    return str(asked.request.path_params["plugin"]), str(asked.request.path_params["name"])


PIPELINE_ENDPOINTS = (
    Endpoint(
        method="GET",
        path=_PIPELINES,
        scope=Scope.READ,
        answer=_list,
        summary="List the pipelines of the plugins that the service has.",
        query=(Parameter("plugin", "Only those of this plugin."),),
        answers="PipelineList",
    ),
    Endpoint(
        method="GET",
        path=_PIPELINE,
        scope=Scope.READ,
        answer=_describe,
        summary="Return a pipeline with its nodes, checked, and the schema of its params.",
        answers="PipelineAnswer",
    ),
    Endpoint(
        method="POST",
        path=f"{_PIPELINE}/runs",
        scope=Scope.RUN,
        answer=_start,
        summary="Start a pipeline, or go on where an earlier run of it ended.",
        order=PipelineOrder,
        answers="RunAnswer",
        status=201,
    ),
    Endpoint(
        method="GET",
        path=f"{_PIPELINE}/runs",
        scope=Scope.READ,
        answer=_list_runs,
        summary="List the runs of a pipeline, newest first.",
        query=(
            Parameter("status", "Only runs of these statuses.", is_list=True),
            Parameter("limit", "Most runs of a page.", "integer"),
            Parameter("cursor", "Go on where an earlier page ended."),
        ),
        answers="RunPage",
    ),
    Endpoint(
        method="POST",
        path=f"{_RUN}/resume",
        scope=Scope.RUN,
        answer=_resume,
        summary="Start a run that goes on where this one ended; what finished is skipped.",
        order=ResumeOrder,
        answers="RunAnswer",
        status=201,
    ),
    Endpoint(
        method="GET",
        path=f"{_RUN}/progress",
        scope=Scope.READ,
        answer=_tell_progress,
        summary="Tell how a pipeline run stands, with each of its nodes.",
        answers="ProgressAnswer",
    ),
    Endpoint(
        method="GET",
        path=f"{_RUN}/progress/stream",
        scope=Scope.READ,
        answer=_stream_progress,
        summary="Follow how a pipeline run stands, as server-sent events.",
        query=(Parameter("after", "Id of the state that is known already."),),
        answers="ProgressStream",
        media_type="text/event-stream",
    ),
    Endpoint(
        method="GET",
        path=f"{_RUN}/nodes",
        scope=Scope.READ,
        answer=_list_nodes,
        summary="List the runs of a pipeline run's nodes, in the order of their creation.",
        answers="RunPage",
    ),
    Endpoint(
        method="GET",
        path=f"{_RUN}/nodes/{{node}}",
        scope=Scope.READ,
        answer=_get_node,
        summary="Return what a node was given and returned: its checkpoint; `latest` is the one "
        "that ended last.",
        answers="NodeAnswer",
    ),
)

"""Start, see, stop and remove runs."""

from dataclasses import replace
from functools import partial

from starlette.responses import Response

from synapse_core.errors import ConflictError, InvalidInputError
from synapse_core.model.documents import parse_run, run_document
from synapse_core.model.run import Run, RunFilter, RunStatus
from synapse_core.operations.discretion import without_secrets
from synapse_core.operations.runs import cancel_run
from synapse_core.runs.ids import is_run_id
from synapse_core.service.desk import Asked, Desk, json_response
from synapse_core.service.endpoint import Endpoint, Parameter
from synapse_core.service.orders import CancelOrder, DeleteOrder, StartOrder, parse_order
from synapse_core.service.scopes import Scope
from synapse_core.types import JSONObject, JSONValue
from synapse_core.workspace import Workspace

__all__ = ["RUN_ENDPOINTS", "page_of_runs", "shown_run"]

_MAX_PAGE = 1000


def shown_run(run: Run, asked: Asked) -> JSONObject:
    """Return the run as the token may see it: who may only read sees no secrets."""
    shown = run if asked.scope.includes(Scope.RUN) else without_secrets(run)
    return {"run": run_document(shown)}


async def _start(desk: Desk, asked: Asked) -> Response:
    order = await asked.document()
    if not isinstance(order, dict):
        raise InvalidInputError("The body is no JSON object.", hint="Send `{…}`.")
    run = await desk.blocking(partial(desk.own_runs.start, order))
    return json_response(shown_run(run, asked), 200 if order.get("dry_run") else 201)


async def _create(desk: Desk, asked: Asked) -> Response:
    document = await asked.document()
    run = parse_run(document)
    if run.id != asked.run_id:
        raise InvalidInputError(
            f"The path names run {asked.run_id!r}, and the body {run.id!r}.", hint="Name one run."
        )
    created = await desk.blocking(partial(desk.workspace.runs.create, run))
    return json_response(shown_run(created, asked), 201)


async def _list(desk: Desk, asked: Asked) -> Response:
    since = asked.number("since", least=0, most=1e15)
    until = asked.number("until", least=0, most=1e15)
    where = RunFilter(
        plugin=asked.text("plugin"),
        action=asked.text("action"),
        since=since,
        until=until,
        parent_id=asked.text("parent_id"),
    )
    return await page_of_runs(desk, asked, where)


async def page_of_runs(desk: Desk, asked: Asked, where: RunFilter) -> Response:
    """Return the page that is asked for by `status`, `limit` and `cursor`."""
    where = replace(where, statuses=frozenset(_status(name) for name in asked.texts("status")))
    limit = asked.count("limit", 50, most=_MAX_PAGE)
    page = await desk.blocking(
        partial(desk.workspace.runs.list, where, limit=limit, cursor=asked.text("cursor"))
    )
    runs: list[JSONValue] = [run_document(run) for run in page.items]
    return json_response({"runs": runs, "next_cursor": page.next_cursor})


def _status(name: str) -> RunStatus:
    try:
        return RunStatus(name)
    except ValueError:
        raise InvalidInputError(
            f"{name[:80]!r} is no status.", hint=f"There are: {', '.join(RunStatus)}."
        ) from None


async def _list_active(desk: Desk, _asked: Asked) -> Response:
    active = await desk.blocking(desk.workspace.runs.active)
    return json_response({"runs": [run_document(run) for run in active], "next_cursor": None})


async def _get(desk: Desk, asked: Asked) -> Response:
    run = await desk.blocking(partial(_as_it_stands, desk.workspace, asked.run_id))
    return json_response(shown_run(run, asked))


def _as_it_stands(workspace: Workspace, run_id: str) -> Run:
    run = workspace.runs.get(run_id)
    if run.status.is_terminal or not is_run_id(run_id):
        return run
    return replace(run, summary=workspace.journals.summarise(run_id, run.summary))


async def _cancel(desk: Desk, asked: Asked) -> Response:
    order = parse_order(CancelOrder, await asked.document())
    run = await desk.blocking(partial(_cancelled, desk.workspace, asked.run_id, order))
    if run.status.is_terminal:
        desk.following.note_over(run.id)
    return json_response(shown_run(run, asked))


def _cancelled(workspace: Workspace, run_id: str, order: CancelOrder) -> Run:
    run = workspace.runs.get(run_id)
    if run.executor in workspace.executors and is_run_id(run_id):
        cancel_run(workspace, run_id, force=order.force)
    else:
        # Its worker is elsewhere, and learns of it with its next heartbeat.
        workspace.runs.request_cancel(run_id, force=order.force)
    return workspace.runs.get(run_id)


async def _delete(desk: Desk, asked: Asked) -> Response:
    run = await desk.blocking(partial(desk.workspace.runs.get, asked.run_id))
    if not run.status.is_terminal:
        raise ConflictError(
            f"Run {run.id} is {run.status} and cannot be removed.",
            hint="Cancel it first.",
            run_id=run.id,
        )
    await desk.blocking(partial(desk.own_runs.remove, [run.id], dry_run=False))
    return Response(status_code=204)


async def _delete_many(desk: Desk, asked: Asked) -> Response:
    order = parse_order(DeleteOrder, await asked.document())
    removed, freed = await desk.blocking(
        partial(desk.own_runs.remove, order.run_ids, dry_run=order.dry_run)
    )
    return json_response({"run_ids": list[JSONValue](removed), "freed_bytes": freed})


_FILTER = (
    Parameter("status", "Only runs of these statuses.", is_list=True),
    Parameter("plugin", "Only runs of this plugin."),
    Parameter("action", "Only runs of this action."),
    Parameter("since", "Created at or after this Unix time.", "number"),
    Parameter("until", "Created before this Unix time.", "number"),
    Parameter("parent_id", "Nodes of this pipeline run, instead of runs that stand alone."),
    Parameter("limit", f"Most runs of a page, up to {_MAX_PAGE}.", "integer"),
    Parameter("cursor", "Go on where an earlier page ended."),
)

RUN_ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/v1/runs",
        scope=Scope.RUN,
        answer=_start,
        summary="Start a run on the machine of the service.",
        order=StartOrder,
        answers="RunAnswer",
        status=201,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/runs",
        scope=Scope.READ,
        answer=_list,
        summary="List runs, newest first, without params, result and variables.",
        query=_FILTER,
        answers="RunPage",
    ),
    Endpoint(
        method="GET",
        path="/api/v1/active-runs",
        scope=Scope.READ,
        answer=_list_active,
        summary="List all runs that have not ended, oldest first.",
        answers="RunPage",
    ),
    Endpoint(
        method="PUT",
        path="/api/v1/runs/{run_id}",
        scope=Scope.RUN,
        answer=_create,
        summary="Record a pending run that is placed elsewhere.",
        order=Run,
        answers="RunAnswer",
        status=201,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/runs/{run_id}",
        scope=Scope.READ,
        answer=_get,
        summary="Return the run, its summary up to date.",
        answers="RunAnswer",
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/runs/{run_id}",
        scope=Scope.ADMIN,
        answer=_delete,
        summary="Remove a run that has ended, with all it left.",
        status=204,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/runs/{run_id}/cancel",
        scope=Scope.RUN,
        answer=_cancel,
        summary="Ask a run to stop; a pending one ends at once.",
        order=CancelOrder,
        answers="RunAnswer",
    ),
    Endpoint(
        method="POST",
        path="/api/v1/deletions",
        scope=Scope.ADMIN,
        answer=_delete_many,
        summary="Remove the runs of a list that have ended, with all they left.",
        order=DeleteOrder,
        answers="Deletion",
    ),
)

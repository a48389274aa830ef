"""What a worker on another machine does with a run: own it, extend its lease, end it."""

from functools import partial

from starlette.responses import Response

from synapse_core.model.documents import parse_outcome, parse_summary, run_document
from synapse_core.model.run import Run, RunSummary
from synapse_core.runs.ids import is_run_id
from synapse_core.runs.nodes import ring_bell
from synapse_core.service.desk import Asked, Desk, json_response
from synapse_core.service.endpoint import Endpoint
from synapse_core.service.orders import (
    AttemptOrder,
    ClaimOrder,
    FinishOrder,
    HeartbeatOrder,
    ReleaseOrder,
    TakeOverOrder,
    parse_order,
)
from synapse_core.service.scopes import Scope
from synapse_core.types import JSONObject
from synapse_core.workspace import Workspace

__all__ = ["LEASE_ENDPOINTS"]

_RUN = "/api/v1/runs/{run_id}"


async def _claim(desk: Desk, asked: Asked) -> Response:
    order = parse_order(ClaimOrder, await asked.document())
    claim = partial(
        desk.workspace.runs.claim, asked.run_id, owner=order.owner, lease_s=order.lease_s
    )
    run = await desk.blocking(claim)
    return json_response({"run": None if run is None else run_document(run)})


async def _beat(desk: Desk, asked: Asked) -> Response:
    order = parse_order(HeartbeatOrder, await asked.document())
    beat = partial(
        desk.workspace.runs.heartbeat,
        asked.run_id,
        owner=order.owner,
        lease_s=order.lease_s,
        summary=_summary(order.summary),
    )
    return json_response({"run": run_document(await desk.blocking(beat))})


async def _begin_attempt(desk: Desk, asked: Asked) -> Response:
    order = parse_order(AttemptOrder, await asked.document())
    begin = partial(
        desk.workspace.runs.begin_attempt, asked.run_id, owner=order.owner, attempt=order.attempt
    )
    await desk.blocking(begin)
    return Response(status_code=204)


async def _finish(desk: Desk, asked: Asked) -> Response:
    order = parse_order(FinishOrder, await asked.document())
    run = await desk.blocking(partial(_finished, desk.workspace, asked.run_id, order))
    desk.following.note_over(run.id)
    return json_response({"run": run_document(run)})


def _finished(workspace: Workspace, run_id: str, order: FinishOrder) -> Run:
    run = workspace.runs.finish(
        run_id,
        parse_outcome(order.outcome),
        owner=order.owner,
        summary=_summary(order.summary),
        started_at=order.started_at,
    )
    # Its worker cannot: whoever conducts the pipeline that it is a node of may be here.
    if run.parent_id is not None and is_run_id(run.parent_id):
        ring_bell(workspace.home, run)
    return run


async def _take_over(desk: Desk, asked: Asked) -> Response:
    order = parse_order(TakeOverOrder, await asked.document())
    take_over = partial(
        desk.workspace.runs.take_over,
        asked.run_id,
        expected_owner=order.expected_owner,
        owner=order.owner,
        lease_s=order.lease_s,
    )
    return json_response({"done": await desk.blocking(take_over)})


async def _release(desk: Desk, asked: Asked) -> Response:
    order = parse_order(ReleaseOrder, await asked.document())
    release = partial(
        desk.workspace.runs.release, asked.run_id, expected_owner=order.expected_owner
    )
    return json_response({"done": await desk.blocking(release)})


def _summary(document: JSONObject | None) -> RunSummary | None:
    return None if document is None else parse_summary(document)


LEASE_ENDPOINTS = (
    Endpoint(
        method="POST",
        path=f"{_RUN}/claim",
        scope=Scope.RUN,
        answer=_claim,
        summary="Own a pending run; `run` is null for all but one who try.",
        order=ClaimOrder,
        answers="Claim",
    ),
    Endpoint(
        method="POST",
        path=f"{_RUN}/heartbeat",
        scope=Scope.RUN,
        answer=_beat,
        summary="Extend the lease, keep the summary, and learn of a cancel request.",
        order=HeartbeatOrder,
        answers="RunAnswer",
    ),
    Endpoint(
        method="POST",
        path=f"{_RUN}/attempts",
        scope=Scope.RUN,
        answer=_begin_attempt,
        summary="Record that the owner begins another attempt.",
        order=AttemptOrder,
        status=204,
    ),
    Endpoint(
        method="POST",
        path=f"{_RUN}/finish",
        scope=Scope.RUN,
        answer=_finish,
        summary="End a run; its last event must have been sent before.",
        order=FinishOrder,
        answers="RunAnswer",
    ),
    Endpoint(
        method="POST",
        path=f"{_RUN}/take-over",
        scope=Scope.RUN,
        answer=_take_over,
        summary="Pass a running run of a dead owner on; one of all who try wins.",
        order=TakeOverOrder,
        answers="Done",
    ),
    Endpoint(
        method="POST",
        path=f"{_RUN}/release",
        scope=Scope.RUN,
        answer=_release,
        summary="Make a run of a dead owner pending again.",
        order=ReleaseOrder,
        answers="Done",
    ),
)

"""Puts the service together."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from synapse_core.errors import NotFoundError, RefusedError, SynapseError
from synapse_core.runs.ingestion import Ingestion
from synapse_core.service.desk import Asked, Desk, json_response
from synapse_core.service.endpoint import Endpoint
from synapse_core.service.event_endpoints import EVENT_ENDPOINTS
from synapse_core.service.file_endpoints import FILE_ENDPOINTS
from synapse_core.service.following import Following
from synapse_core.service.gate import Gate
from synapse_core.service.lease_endpoints import LEASE_ENDPOINTS
from synapse_core.service.limits import Limits
from synapse_core.service.openapi import openapi_document
from synapse_core.service.own_runs import OwnRuns
from synapse_core.service.pipeline_endpoints import PIPELINE_ENDPOINTS
from synapse_core.service.plugin_endpoints import PLUGIN_ENDPOINTS
from synapse_core.service.problems import problem_response
from synapse_core.service.progress_feed import ProgressFeeds
from synapse_core.service.run_endpoints import RUN_ENDPOINTS
from synapse_core.service.scopes import Scope, Tokens
from synapse_core.service.shared_file_endpoints import SHARED_FILE_ENDPOINTS
from synapse_core.service.system_endpoints import SYSTEM_ENDPOINTS
from synapse_core.service.upkeep import keep_up
from synapse_core.workspace import Workspace

__all__ = ["ENDPOINTS", "Service", "build_service"]

_log = logging.getLogger(__name__)

_INTERNAL = "The service failed in a way that nobody has thought of."


async def _openapi(_desk: Desk, _asked: Asked) -> Response:
    return json_response(openapi_document(ENDPOINTS))


ENDPOINTS: tuple[Endpoint, ...] = (
    *SYSTEM_ENDPOINTS,
    Endpoint(
        method="GET",
        path="/openapi.json",
        scope=Scope.READ,
        answer=_openapi,
        summary="Return this document.",
        answers="OpenApi",
    ),
    *RUN_ENDPOINTS,
    *LEASE_ENDPOINTS,
    *EVENT_ENDPOINTS,
    *FILE_ENDPOINTS,
    *SHARED_FILE_ENDPOINTS,
    *PLUGIN_ENDPOINTS,
    *PIPELINE_ENDPOINTS,
)
"""All routes, in the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service ready to be served.

    Attributes:
        app: The ASGI application.
        desk: What it works with.
    """

    app: Gate
    desk: Desk


def build_service(
    workspace: Workspace,
    tokens: Tokens,
    *,
    limits: Limits | None = None,
    allowed_hosts: Sequence[str] = (),
) -> Service:
    """Return the service over a workspace of this machine.

    Args:
        workspace: Where the runs are.
        tokens: What opens it.
        limits: What a client may do; None for the usual.
        allowed_hosts: Names by which clients reach it besides those of loopback.
    """
    limits = limits or Limits()
    following, ingestion = Following(workspace.home), Ingestion(workspace.home)
    desk = Desk(
        workspace=workspace,
        own_runs=OwnRuns(workspace, ingestion.forget),
        ingestion=ingestion,
        following=following,
        progress=ProgressFeeds(following),
        limits=limits,
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        desk.following.open()
        upkeep = asyncio.create_task(keep_up(desk))
        try:
            yield
        finally:
            upkeep.cancel()
            with suppress(asyncio.CancelledError):
                await upkeep
            desk.following.close()
            desk.ingestion.close()

    inner = Starlette(
        routes=[
            Route(endpoint.path, _route(desk, endpoint), methods=[endpoint.method])
            for endpoint in ENDPOINTS
        ],
        exception_handlers={HTTPException: _tell_http},
        lifespan=lifespan,
    )
    inner.router.redirect_slashes = False
    return Service(Gate(inner, tokens, limits, allowed_hosts), desk)


def _route(desk: Desk, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        started = time.perf_counter()
        response = await _answer(desk, endpoint, Asked(request))
        status = getattr(response, "status_code", 200)
        seconds = time.perf_counter() - started
        desk.metrics.count_request(endpoint.method, endpoint.path, status, seconds)
        return response

    return answer


async def _answer(desk: Desk, endpoint: Endpoint, asked: Asked) -> Response:
    try:
        if endpoint.scope is not None:
            asked.require(endpoint.scope)
        return await endpoint.answer(desk, asked)
    except SynapseError as error:
        return problem_response(error)
    except Exception:  # noqa: BLE001 - the last resort: a fault of ours, whose words are for us
        _log.exception("%s %s failed", endpoint.method, endpoint.path)
        return problem_response(SynapseError(_INTERNAL, hint="Its log tells more."))


async def _tell_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    path = request.url.path[:200]
    if status == 405:  # noqa: PLR2004 - method not allowed
        told: SynapseError = RefusedError(
            f"{request.method} is nothing that {path} can do.", hint="See /openapi.json."
        )
    else:
        told = NotFoundError(f"There is nothing at {path}.", hint="See /openapi.json.")
    return problem_response(told, status)

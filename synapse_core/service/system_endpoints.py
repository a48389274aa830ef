"""Whether the service is well, what it has done, and what it offers."""

from starlette.responses import Response

from synapse_core.errors import StoreUnavailableError
from synapse_core.model.run import RunFilter
from synapse_core.service.desk import Asked, Desk, json_response
from synapse_core.service.endpoint import Endpoint
from synapse_core.service.metrics import METRICS_TYPE
from synapse_core.service.scopes import Scope
from synapse_core.version import __version__

__all__ = ["SYSTEM_ENDPOINTS"]


async def _health(_desk: Desk, _asked: Asked) -> Response:
    return json_response({"status": "ok"})


async def _ready(desk: Desk, _asked: Asked) -> Response:
    try:
        await desk.blocking(lambda: desk.workspace.runs.list(RunFilter(), limit=1))
    except StoreUnavailableError:
        # The reason names paths of this machine, and whoever asks here has shown no token.
        return json_response({"status": "store unavailable"}, 503)
    if desk.following.is_closing:
        return json_response({"status": "stopping"}, 503)
    return json_response({"status": "ready"})


async def _metrics(desk: Desk, _asked: Asked) -> Response:
    return Response(desk.metrics.text(), media_type=METRICS_TYPE)


async def _version(_desk: Desk, asked: Asked) -> Response:
    return json_response({"version": __version__, "scope": asked.scope})


SYSTEM_ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/health",
        scope=None,
        answer=_health,
        summary="Tell that the service is there.",
        answers="Status",
    ),
    Endpoint(
        method="GET",
        path="/ready",
        scope=None,
        answer=_ready,
        summary="Tell whether the service can work: 503 when its store cannot be used.",
        answers="Status",
    ),
    Endpoint(
        method="GET",
        path="/metrics",
        scope=Scope.READ,
        answer=_metrics,
        summary="Return figures in the text form of Prometheus.",
        answers="Text",
        media_type="text/plain",
    ),
    Endpoint(
        method="GET",
        path="/api/v1/version",
        scope=Scope.READ,
        answer=_version,
        summary="Return the version of the service and the scope of the token.",
        answers="Version",
    ),
)

"""The files that runs saved."""

from functools import partial

from starlette.responses import FileResponse, Response

from synapse_core.operations.outputs import list_outputs, locate_output
from synapse_core.service.desk import Asked, Desk, json_response
from synapse_core.service.endpoint import Endpoint
from synapse_core.service.scopes import Scope

__all__ = ["FILE_ENDPOINTS"]

_ARTIFACTS = "/api/v1/runs/{run_id}/artifacts"


async def _list(desk: Desk, asked: Asked) -> Response:
    artifacts = await desk.blocking(partial(list_outputs, desk.workspace, asked.run_id))
    return json_response(
        {
            "artifacts": [
                {
                    "name": artifact.name,
                    "path": artifact.path,
                    "size_bytes": artifact.size_bytes,
                    "sha256": artifact.sha256,
                    "media_type": artifact.media_type,
                }
                for artifact in artifacts
            ]
        }
    )


async def _get(desk: Desk, asked: Asked) -> Response:
    name = str(asked.request.path_params["name"])
    artifact, path = await desk.blocking(partial(locate_output, desk.workspace, asked.run_id, name))
    # What a run wrote must not become a page of this origin.
    headers = {
        "ETag": f'"{artifact.sha256}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
    }
    return FileResponse(
        path,
        media_type=artifact.media_type,
        filename=path.name,
        content_disposition_type="attachment",
        headers=headers,
    )


FILE_ENDPOINTS = (
    Endpoint(
        method="GET",
        path=_ARTIFACTS,
        scope=Scope.READ,
        answer=_list,
        summary="List the files that the run saved.",
        answers="ArtifactList",
    ),
    Endpoint(
        method="GET",
        path=f"{_ARTIFACTS}/{{name:path}}",
        scope=Scope.READ,
        answer=_get,
        summary="Return a file that the run saved; ranges of it too.",
        answers="File",
        media_type="application/octet-stream",
    ),
)

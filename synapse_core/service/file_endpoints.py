"""The files that runs saved."""

from functools import partial

from starlette.responses import FileResponse, Response

from synapse_core.operations.outputs import list_outputs, locate_output
from synapse_core.service.desk import Asked, Desk, json_response
from synapse_core.service.endpoint import Endpoint
from synapse_core.service.pieces import PIECE_QUERY, piece_of, workers_own
from synapse_core.service.scopes import Scope
from synapse_core.service.uploads import Piece, take_piece

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


async def _take_in(desk: Desk, asked: Asked) -> Response:
    piece = await piece_of(asked)
    is_whole = await desk.blocking(
        partial(_taken_in, desk, asked.run_id, asked.text("owner"), piece)
    )
    return json_response({"done": is_whole})


def _taken_in(desk: Desk, run_id: str, owner: str | None, piece: Piece) -> bool:
    workers_own(desk, run_id, owner)
    home = desk.workspace.home
    return take_piece(home.artifacts(run_id), home.run_dir(run_id), piece)


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
    Endpoint(
        method="PUT",
        path=f"{_ARTIFACTS}/{{name:path}}",
        scope=Scope.RUN,
        answer=_take_in,
        summary="Take in a piece of a file from the worker of the run; again does no harm.",
        query=PIECE_QUERY,
        body="application/octet-stream",
        answers="Done",
    ),
)

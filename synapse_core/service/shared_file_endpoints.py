"""The files that nodes of a pipeline share, for workers that do not see them."""

from dataclasses import asdict
from functools import partial
from pathlib import Path

from starlette.responses import FileResponse, Response

from synapse_core.errors import InvalidInputError, NotFoundError, StorageError
from synapse_core.runs.ids import is_run_id
from synapse_core.runs.nodes import shared_folder
from synapse_core.runs.shared_files import SharedFile, list_shared_files, mark_as
from synapse_core.runtime.artifact_names import checked_name
from synapse_core.service.desk import Asked, Desk, json_response
from synapse_core.service.endpoint import Endpoint, Parameter
from synapse_core.service.pieces import PIECE_QUERY, piece_of, workers_own
from synapse_core.service.scopes import Scope
from synapse_core.service.uploads import Piece, take_piece
from synapse_core.types import JSONObject

__all__ = ["SHARED_FILE_ENDPOINTS"]

_LATEST_NS = (1 << 63) - 1
"""The latest time that a file can have."""

_FILES = "/api/v1/runs/{run_id}/shared-files"


async def _list(desk: Desk, asked: Asked) -> Response:
    return json_response(await desk.blocking(partial(_listed, desk, asked.run_id)))


async def _get(desk: Desk, asked: Asked) -> Response:
    name = checked_name(str(asked.request.path_params["name"]))
    path = await desk.blocking(partial(_located, desk, asked.run_id, name))
    return FileResponse(path, media_type="application/octet-stream")


async def _take_in(desk: Desk, asked: Asked) -> Response:
    piece = await piece_of(asked)
    file = SharedFile(
        piece.name,
        piece.size_bytes,
        _time(asked.text("mtime_ns") or "0"),
        is_executable=asked.text("is_executable") == "true",
    )
    work = partial(_taken_in, desk, asked.run_id, asked.text("owner"), piece, file)
    return json_response({"done": await desk.blocking(work)})


def _time(text: str) -> int:
    # As a float it would lose its last digits, and the file look changed.
    try:
        time_ns = int(text)
    except ValueError:
        time_ns = _LATEST_NS + 1
    if abs(time_ns) > _LATEST_NS:
        raise InvalidInputError(
            f"mtime_ns is {text[:80]!r}.", hint="Give nanoseconds of Unix time, as digits."
        )
    return time_ns


def _listed(desk: Desk, run_id: str) -> JSONObject:
    root, owner = _folder(desk, run_id)
    return {"owner": owner, "files": [asdict(file) for file in list_shared_files(root)]}


def _folder(desk: Desk, run_id: str) -> tuple[Path, str]:
    parent = desk.workspace.runs.get(run_id).parent_id
    if parent is None or not is_run_id(parent):  # which would become a part of a path
        raise NotFoundError(
            f"Run {run_id} is no node of a pipeline.", hint="Only those share files.", run_id=run_id
        )
    root, owner = shared_folder(desk.workspace.home, parent)
    return root / owner, owner


def _located(desk: Desk, run_id: str, name: str) -> Path:
    root, _ = _folder(desk, run_id)
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()) or not path.is_file():
        raise NotFoundError(
            f"The nodes of the pipeline share no file {name!r}.",
            hint="List them: another node may have removed it.",
        )
    return path


def _taken_in(desk: Desk, run_id: str, owner: str | None, piece: Piece, file: SharedFile) -> bool:
    workers_own(desk, run_id, owner)
    root, _ = _folder(desk, run_id)
    is_whole = take_piece(root, desk.workspace.home.run_dir(run_id), piece)
    if is_whole:
        try:
            mark_as(root / file.path, file)
        except OSError as error:
            raise StorageError(
                f"Cannot write the file {file.path!r}: {error.strerror}.",
                hint="Check the permissions where the service runs.",
            ) from error
    return is_whole


SHARED_FILE_ENDPOINTS = (
    Endpoint(
        method="GET",
        path=_FILES,
        scope=Scope.RUN,
        answer=_list,
        summary="List the files that the nodes of the run's pipeline share.",
        answers="SharedFileList",
    ),
    Endpoint(
        method="GET",
        path=f"{_FILES}/{{name:path}}",
        scope=Scope.RUN,
        answer=_get,
        summary="Return a file that the nodes of the run's pipeline share.",
        answers="File",
        media_type="application/octet-stream",
    ),
    Endpoint(
        method="PUT",
        path=f"{_FILES}/{{name:path}}",
        scope=Scope.RUN,
        answer=_take_in,
        summary="Take in a piece of a shared file from the worker of a node; again does no harm.",
        query=(
            *PIECE_QUERY,
            Parameter("mtime_ns", "When the file was written; Unix time in ns.", "integer"),
            Parameter("is_executable", "`true` for a program."),
        ),
        body="application/octet-stream",
        answers="Done",
    ),
)

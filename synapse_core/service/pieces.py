"""What all routes have in common that take in files from workers, a piece at a time."""

from synapse_core.errors import LeaseLostError, RunNotFoundError
from synapse_core.model.run import Run, RunStatus
from synapse_core.runs.ids import is_run_id
from synapse_core.service.desk import Asked, Desk
from synapse_core.service.endpoint import Parameter
from synapse_core.service.uploads import Piece

__all__ = ["PIECE_QUERY", "piece_of", "workers_own"]

_MOST_BYTES = float(1 << 50)

PIECE_QUERY = (
    Parameter("owner", "The worker that owns the run."),
    Parameter("offset", "Where the piece begins in the file.", "integer"),
    Parameter("size", "Bytes of the whole file.", "integer"),
    Parameter("sha256", "Hex digest of the whole file."),
)


async def piece_of(asked: Asked) -> Piece:
    """Return the piece in a request.

    Raises:
        InvalidInputError: A number is none.
    """
    return Piece(
        name=str(asked.request.path_params["name"]),
        size_bytes=int(asked.number("size", least=0, most=_MOST_BYTES) or 0),
        sha256=asked.text("sha256") or "",
        offset=int(asked.number("offset", least=0, most=_MOST_BYTES) or 0),
        content=await asked.request.body(),
    )


def workers_own(desk: Desk, run_id: str, owner: str | None) -> Run:
    """Return the run, which the worker owns.

    Raises:
        RunNotFoundError: There is none.
        LeaseLostError: It is not the worker's, or has ended.
    """
    if not is_run_id(run_id):
        raise RunNotFoundError(run_id)  # it would become a part of a path
    run = desk.workspace.runs.get(run_id)
    if run.status is not RunStatus.RUNNING or run.owner != owner:
        raise LeaseLostError(
            f"Run {run_id} is not this worker's, or has ended.",
            hint="Stop working on it; what it is now is for others to say.",
            run_id=run_id,
        )
    return run

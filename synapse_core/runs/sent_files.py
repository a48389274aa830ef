"""Sends a file to a service, a piece at a time."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from synapse_core.clients.call import Call, QueryValue
from synapse_core.clients.sync_session import Session
from synapse_core.errors import ConflictError, LeaseLostError

__all__ = ["send_file"]

_PIECE_BYTES = 8 << 20
_PIECE_TIMEOUT_S = 30.0


def send_file(
    session: Session,
    target: str,
    path: Path,
    *,
    sha256: str,
    query: Mapping[str, QueryValue],
    beat: Callable[[], object],
) -> None:
    """Send the file, as far as it is not there yet.

    Args:
        session: The connection to the service.
        target: Path of the route that takes its pieces.
        path: The file.
        sha256: Hex digest of its content.
        query: What else the route is told.
        beat: Called after each piece.

    Raises:
        StoreUnavailableError: The service is away; sending it again goes on.
        LeaseLostError: The run is not the sender's any more.
        SynapseError: The service refuses it.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        offset = 0
        while True:
            content = file.read(_PIECE_BYTES)
            call = Call(
                method="PUT",
                path=target,
                query={**query, "offset": offset, "size": size, "sha256": sha256},
                content=content,
                media_type="application/octet-stream",
                timeout_s=_PIECE_TIMEOUT_S,
            )
            try:
                answer = session.call(call)
            except ConflictError as error:
                if isinstance(error, LeaseLostError) or "expected_offset" not in error.data:
                    raise
                offset = int(str(error.data["expected_offset"]))
                file.seek(offset)
                continue
            offset += len(content)
            if answer.get("done") or not content:
                return
            beat()

"""Attends to the wire while the server is imported in a thread of its own.

Standard library only.
"""

import os
import select
import sys
import threading
from collections.abc import Callable

from synapse_mcp.front.receptionist import Handover, Receptionist
from synapse_mcp.front.record import Record

__all__ = ["attend"]

_SWITCH_S = 0.0005
"""How long the importing thread may keep the interpreter while a client waits for its answer."""

_CHUNK_BYTES = 1 << 16


def attend(record: Record, load: Callable[[], None], *, read_fd: int, write_fd: int) -> Handover:
    """Answer from the record until `load` has returned; what is left is for the server.

    Returns early, without waiting for `load`, when the client left and waits for nothing.

    Args:
        record: What is known.
        load: Imports the server; runs in a thread. What it raises is raised here.
        read_fd: Descriptor of the client's frames.
        write_fd: Descriptor that carries frames and nothing else.

    Raises:
        BrokenPipeError: The client does not read any more.
    """
    receptionist = Receptionist(record)
    loading = _Loading(load)
    usual_switch_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        rest = _converse(receptionist, loading, read_fd, write_fd)
    finally:
        sys.setswitchinterval(usual_switch_s)
    handover = receptionist.handover
    handover.frames += rest
    if handover.is_owed or not handover.is_closed:
        loading.finish()
    return handover


def _converse(
    receptionist: Receptionist, loading: "_Loading", read_fd: int, write_fd: int
) -> bytes:
    """Return the beginning of a line that was not finished."""
    rest = b""
    while not receptionist.handover.is_closed:
        ready, _, _ = select.select([read_fd, loading.done_fd], [], [])
        if read_fd not in ready:
            return rest
        chunk = os.read(read_fd, _CHUNK_BYTES)
        receptionist.handover.is_closed = not chunk
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            answer = receptionist.take(line + b"\n")
            if answer is not None:
                _write(write_fd, answer)
    return rest


def _write(fd: int, frame: bytes) -> None:
    left = memoryview(frame)
    while left:
        left = left[os.write(fd, left) :]


class _Loading:
    """The thread that imports, and a descriptor that becomes readable at its end."""

    def __init__(self, load: Callable[[], None]) -> None:
        self.done_fd, self._done = os.pipe()
        self._load = load
        self._error: BaseException | None = None
        # A client that leaves during the import does not wait for its end.
        self._thread = threading.Thread(target=self._run, name="synapse-import", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait for the end of the import, and raise what it raised."""
        self._thread.join()
        os.close(self.done_fd)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._load()
        except BaseException as error:  # noqa: BLE001 - raised where the server would be started
            self._error = error
        finally:
            os.close(self._done)

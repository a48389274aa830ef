"""Ends the processes that a dead worker left behind."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from synapse_core.model.run import WorkerId
from synapse_core.runs.processes import is_alive, session_members

__all__ = ["end_leftovers"]

_PATIENCE_S = 5.0
"""A process that outlives SIGKILL so long waits for a device; nothing ends it sooner."""

_PAUSE_S = 0.005


def end_leftovers(leader: WorkerId | None, folder: Path, output: Path) -> None:
    """Kill what is left of an attempt, and wait until it is gone.

    Of the run are: the session of its process, if that very process is there, or else those of
    that session who stand in the run's folder; and everybody whose standard output or error is the
    run's captured output. Nobody else is touched, whatever became of the numbers.

    Args:
        leader: The process of the attempt, which led a session; None when it is not known.
        folder: The run's folder.
        output: The run's captured output.
    """
    is_same = leader is not None and is_alive(leader) is True
    if leader is not None and is_alive(leader) is None:
        return  # it lived on another machine
    until = time.monotonic() + _PATIENCE_S
    while True:
        left = set(_of_session(leader, folder, is_same=is_same)) | set(_writing_to(output))
        left.discard(os.getpid())
        if not left or time.monotonic() > until:
            return
        for pid in left:
            _kill(pid)
        time.sleep(_PAUSE_S)


def _of_session(leader: WorkerId | None, folder: Path, *, is_same: bool) -> Iterator[int]:
    if leader is not None:
        for pid in session_members(leader.pid):
            # The kernel gives a number away again only when its session has no member left; then
            # the session of that number is somebody else's.
            if is_same or _leads_into(f"/proc/{pid}/cwd", folder):
                yield pid


def _writing_to(output: Path) -> Iterator[int]:
    if sys.platform != "linux":
        return
    for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:  # noqa: PTH208 - names only
        if any(_leads_into(f"/proc/{pid}/fd/{number}", output) for number in (1, 2)):
            yield pid


def _leads_into(link: str, place: Path) -> bool:
    try:
        return Path(os.readlink(link)).is_relative_to(place)  # noqa: PTH115 - the text, as it is
    except OSError:  # it has ended, or belongs to another user
        return False


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # it has just ended, or the number is another user's by now

"""Ends the process of a job together with the process of Ray's that holds its room."""

import os
import select
import signal
import sys
import threading
from pathlib import Path

__all__ = ["leave_with_holder"]

_HOLDER = b"ray::JobSupervisor"
_DISTANCE = 3
"""Between that process and this one there is a shell, and perhaps another."""


def leave_with_holder() -> None:
    """Have this process killed when the one that holds its room has ended; only Linux can.

    Ray looks for itself whether that process is still listed, which in a container whose first
    process reaps nothing it is for ever.
    """
    if sys.platform != "linux":
        return
    descriptor = _open_holder()
    if descriptor is not None:
        threading.Thread(target=_leave_after, args=(descriptor,), daemon=True).start()


def _open_holder() -> int | None:
    """Return a descriptor of the process that becomes readable with its end; None without one."""
    pid = os.getppid()
    for _ in range(_DISTANCE):
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:  # it has ended, or the kernel is too old
            return None
        try:
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(_HOLDER):
                return descriptor
            pid = _parent_of(pid)
        except (OSError, ValueError):  # it has just ended
            pid = 0
        os.close(descriptor)
        if pid <= 1:
            return None
    return None


def _parent_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    line = next(line for line in status.splitlines() if line.startswith("PPid:"))
    return int(line.split()[1])


def _leave_after(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll()
    # Whoever is tied to this process learns of it by the kernel, whatever it waits for.
    os.kill(os.getpid(), signal.SIGKILL)

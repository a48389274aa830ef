"""Tells processes apart, and whether one is still there."""

import contextlib
import functools
import os
import signal
import socket
import sys
from pathlib import Path

from synapse_core.errors import StorageError
from synapse_core.model.run import WorkerId

__all__ = [
    "host_name",
    "is_alive",
    "session_members",
    "this_worker",
    "wake_worker",
    "worker_of",
]

_HAS_PROC = sys.platform == "linux"

_STATE, _SESSION, _START = 0, 3, 19
"""Positions in `/proc/PID/stat` after the command's closing bracket. Source: proc_pid_stat(5)."""

_ENDED = (b"Z", b"X", b"x")
"""A zombie has ended; in a container whose first process reaps nothing it stays listed for ever."""


def host_name() -> str:
    """Return `name/boot/namespace` of this machine, in which a process id means one process.

    A reboot makes a new host, and so does a container, whose process ids are its own.
    """
    # Asked each time, since a fork may have entered another namespace.
    namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]") if _HAS_PROC else ""  # noqa: PTH115 - on the start path
    return f"{socket.gethostname()}/{_boot_id()}/{namespace}"


@functools.cache  # no process outlives it, and a fork need not read it again
def _boot_id() -> str:
    """Return what is new at each boot; empty where the system has no such thing."""
    if sys.platform == "linux":
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    elif sys.platform == "darwin":
        text = _sysctl("kern.bootsessionuuid")
    else:
        text = ""
    return text.strip().replace("-", "").lower()


def _sysctl(name: str) -> str:
    import ctypes  # noqa: PLC0415 - needed on one system only

    value = ctypes.create_string_buffer(128)
    size = ctypes.c_size_t(len(value))
    libc = ctypes.CDLL(None)
    is_told = libc.sysctlbyname(name.encode(), value, ctypes.byref(size), None, 0) == 0
    return value.value.decode("ascii", "replace") if is_told else ""


def wake_worker(owner: str) -> None:
    """Make the worker of a run look at the store now; does nothing where it is not here any more.

    Args:
        owner: The worker, as the run names it.
    """
    try:
        worker = WorkerId.parse(owner)
    except ValueError:  # it lives elsewhere, and looks by itself
        return
    if is_alive(worker):
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.kill(worker.pid, signal.SIGUSR1)


def this_worker() -> WorkerId:
    """Return the identity of the calling process."""
    return worker_of(os.getpid())


def worker_of(pid: int) -> WorkerId:
    """Return the identity of the process that has this number now, on this host.

    Raises:
        StorageError: No such process, or the system does not tell about it.
    """
    started = _started(pid)
    if started is None:
        raise StorageError(
            f"No process {pid} is running on this machine.",
            hint="It has just ended, or /proc is hidden from this user.",
            pid=pid,
        )
    return WorkerId(host_name(), pid, started)


def is_alive(worker: WorkerId) -> bool | None:
    """Whether the process is still running; None when it lives on another host.

    No clock is asked. A process of the same number that started later is another one, and a
    process of this machine's earlier boot is gone.
    """
    here = host_name()
    if worker.host == here:
        return _started(worker.pid) == worker.started
    name, boot, _ = _parts(here)
    other_name, other_boot, _ = _parts(worker.host)
    if name == other_name and boot and other_boot and boot != other_boot:
        return False
    return None


def _parts(host: str) -> tuple[str, str, str]:
    name, _, rest = host.partition("/")
    boot, _, namespace = rest.partition("/")
    return name, boot, namespace


def session_members(leader: int) -> list[int]:
    """Return the processes of the session that `leader` began, itself among them if it lives."""
    if _HAS_PROC:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names only
        return [pid for pid in pids if _session(pid) == leader]
    import psutil  # noqa: PLC0415 - slow to import, and needed on few systems

    return [pid for pid in psutil.pids() if _session_by_call(pid) == leader]


def _session(pid: int) -> int | None:
    fields = _stat_fields(pid)
    if fields is None or fields[_STATE] in _ENDED:
        return None
    return int(fields[_SESSION])


def _session_by_call(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:  # it has ended, or belongs to somebody else
        return None


def _started(pid: int) -> int | None:
    """Return when the process started, in the kernel's own unit; None when it is not there."""
    if _HAS_PROC:
        fields = _stat_fields(pid)
        return None if fields is None or fields[_STATE] in _ENDED else int(fields[_START])
    import psutil  # noqa: PLC0415 - slow to import, and needed on few systems

    try:
        process = psutil.Process(pid)
        ended = process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
        return None if ended else int(process.create_time() * 1_000_000)
    except psutil.Error:
        return None


def _stat_fields(pid: int) -> list[bytes] | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # the second when it ends during the read
        return None
    # The command's name stands in brackets and may hold brackets and spaces itself.
    return stat.rpartition(b")")[2].split()

"""What sets the process of an attempt apart from everything else on the machine."""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

__all__ = [
    "adopt_orphans",
    "claim_output",
    "die_with_parent",
    "flush_c_output",
    "give_way_when_memory_ends",
    "kill_descendants",
    "limit_memory",
    "restore_signals",
    "stretch_memory",
    "write_c_output_by_line",
]

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
"""Source: prctl(2)."""

_IOLBF = 1
_C_BUFFER_BYTES = 1 << 16
"""Source: setvbuf(3), on Linux and macOS."""

_MIB = 1 << 20
_HEADROOM_MB = 64


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl option {option} was refused")


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when its parent dies; only Linux can.

    Elsewhere the control pipe tells the same, as soon as a thread may run.
    """
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call
            os.kill(os.getpid(), signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent has left, so that none escapes."""
    if sys.platform == "linux":
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _children() -> list[int]:
    """Return the process ids of this process's children, adopted ones included; Linux only."""
    if sys.platform != "linux":
        return []
    pid = os.getpid()
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_bytes()
    return [int(child) for child in listed.split()]


def kill_descendants(leader: int) -> None:
    """Kill the process group of `leader` and whatever else this process is the parent of.

    Strays that made sessions of their own were adopted (`adopt_orphans`), so none is left.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    while strays := _children():
        for stray in strays:
            with contextlib.suppress(ProcessLookupError):
                os.kill(stray, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


def restore_signals() -> None:
    """Undo what the forking process did to signals."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def claim_output(output: Path) -> None:
    """Point file descriptor 0 at nothing, and 1 and 2 at the end of `output`.

    A file takes whatever is written at once, however much it is and whoever holds the
    interpreter's lock; a full pipe would stop C code that nobody can then relieve.
    """
    nothing = os.open(os.devnull, os.O_RDONLY)
    said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(source, target, inheritable=True)
    for descriptor in (nothing, said):
        if descriptor > 2:  # noqa: PLR2004 - the standard three stay
            os.close(descriptor)


def write_c_output_by_line() -> None:
    """Have what C code prints reach its file line by line, between what others write there."""
    libc = ctypes.CDLL(None)
    name = "__stdoutp" if sys.platform == "darwin" else "stdout"
    try:
        stdout = ctypes.c_void_p.in_dll(libc, name)
    except ValueError:  # a C library that calls it otherwise; its lines come when it flushes
        return
    libc.setvbuf(stdout, None, _IOLBF, _C_BUFFER_BYTES)


def flush_c_output() -> None:
    """Write out what C code has printed so far; `os._exit` would drop it."""
    ctypes.CDLL(None).fflush(None)


def limit_memory(growth_mb: int) -> None:
    """Let the address space of this process grow by at most `growth_mb` MiB from here."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    ceiling = pages * resource.getpagesize() + growth_mb * _MIB
    resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling + _HEADROOM_MB * _MIB))


def stretch_memory() -> None:
    """Grant what is needed to tell of an end for lack of memory, of which code in C just aborts."""
    _, ceiling = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))


def give_way_when_memory_ends() -> None:
    """Make this process the kernel's first choice when the machine runs out of memory."""
    # A container may forbid it; the run is no less isolated then.
    with contextlib.suppress(OSError):
        adjustment = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(adjustment, b"500")
        finally:
            os.close(adjustment)

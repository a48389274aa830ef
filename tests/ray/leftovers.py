"""What a suite has left on this machine: processes, folders, shared memory."""

import contextlib
import os
from pathlib import Path

import psutil

from tests.ray.looking import is_gone
from tests.waiting import wait_until

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only looked at
_OTHERS = "PostgreSQL."
_NOT_OURS = ("pymp-", "pytest-of-")
"""An empty folder of Python's own, which Ray's dashboard leaves when it is killed, and pytest's."""


def shared_memory() -> frozenset[str]:
    """Return the names of what lies in shared memory, without what databases of others keep."""
    if not _SHARED_MEMORY.is_dir():
        return frozenset()
    names = (path.name for path in _SHARED_MEMORY.iterdir())
    return frozenset(name for name in names if not name.startswith(_OTHERS))


def processes_below(folder: Path) -> list[psutil.Process]:
    """Return the processes that were started with files below the folder."""
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _is_below(process, str(folder)) and not is_gone(process)
    ]


def end_zygotes(folder: Path) -> None:
    """End what waits there for further runs; it stays by intention, and would leave later."""
    for process in processes_below(folder):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "synapse_core.worker.zygote" in process.cmdline():
                process.terminate()


def assert_nothing_is_left(folder: Path, shared_before: frozenset[str]) -> None:
    """Check that nothing of what was started with this folder for temporary files is there."""
    end_zygotes(folder)
    try:
        wait_until(lambda: not processes_below(folder), 20)
    except AssertionError:
        left = [" ".join(process.cmdline())[:200] for process in processes_below(folder)]
        raise AssertionError(f"processes are left: {left}") from None
    runtime = f"synapse-{os.getuid()}"
    names = {path.name for path in folder.iterdir()} - {runtime}
    left = sorted(name for name in names if not name.startswith(_NOT_OURS))
    assert left == []
    of_zygotes = {".lock", ".log", ".sock"}
    kept = [path for path in (folder / runtime).glob("*") if path.suffix not in of_zygotes]
    assert [path.name for path in kept] == []
    assert list((folder / runtime).glob("ray-*")) == []
    assert shared_memory() <= shared_before


def _is_below(process: psutil.Process, folder: str) -> bool:
    with contextlib.suppress(psutil.Error):
        words = [*process.cmdline(), *process.environ().values()]
        return any(folder in word for word in words)
    return False

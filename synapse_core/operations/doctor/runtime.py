"""Looks at what works at run time: store, workers, runs, plugins."""

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.config.store_place import recorded_store
from synapse_core.operations.doctor.findings import Finding, FindingLevel
from synapse_core.operations.runs import get_run
from synapse_core.operations.stores import where_runs_are
from synapse_core.runs.store.opening import open_run_store
from synapse_core.workspace import Workspace

__all__ = ["check_plugins", "check_runs", "check_store", "check_worker"]

_STORE_PATIENCE_S = 2.0
"""A store of a million runs takes longer to read whole; then a part must do."""

_LOCK_PATIENCE_S = 1.0
_WORKER_PATIENCE_S = 30.0
_SLOW_WORKER_S = 2.0
_VM_STEPS = 10_000
"""Steps of SQLite's machine between two looks at the clock."""

OK, INFO = FindingLevel.OK, FindingLevel.INFO
WARNING, ERROR = FindingLevel.WARNING, FindingLevel.ERROR


def check_store(home: Home) -> Iterator[Finding]:
    """Look whether the run store is whole, and whether it can be written."""
    if recorded_store(home) is not None:
        yield from _check_database(home)
        return
    if not home.database.exists():
        yield Finding(check="store", level=OK, message="There is no run store yet.")
        return
    size = home.database.stat().st_size
    try:
        # A connection of our own: the store's own would already refuse what we are to find.
        connection = sqlite3.connect(
            f"{home.database.as_uri()}?mode=rw", uri=True, timeout=_LOCK_PATIENCE_S
        )
        try:
            connection.isolation_level = None
            whole, problem = _read_whole(connection)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    except sqlite3.Error as error:
        yield Finding(
            check="store",
            level=ERROR,
            message=f"The run store {home.database} cannot be used: {error}.",
            fix=_store_fix(error, home.database),
        )
        return
    if problem is not None:
        yield Finding(
            check="store",
            level=ERROR,
            message=f"The run store {home.database} is damaged: {problem}.",
            fix=f"Move {home.database} away; journals and files of the runs stay readable.",
        )
        return
    state = "whole" if whole else f"whole as far as {_STORE_PATIENCE_S:g} s let it be read"
    yield Finding(
        check="store",
        level=OK,
        message=f"The run store is {state} and writable ({size / 1e6:.1f} MB).",
        facts={"size_bytes": size},
    )


def _check_database(home: Home) -> Iterator[Finding]:
    """Look whether the database answers; that it is whole is for its server to see."""
    with closing(open_run_store(home)) as store:
        store.active()
        start = time.monotonic()
        active = store.active()
    took_ms = round((time.monotonic() - start) * 1000, 1)
    yield Finding(
        check="store",
        level=OK,
        message=f"The run store {where_runs_are(home)} answers in {took_ms:g} ms.",
        facts={"took_ms": took_ms, "active": len(active)},
    )


def _read_whole(connection: sqlite3.Connection) -> tuple[bool, str | None]:
    """Return whether all of it was read, and the first damage."""
    until = time.monotonic() + _STORE_PATIENCE_S
    connection.set_progress_handler(lambda: time.monotonic() > until, _VM_STEPS)
    try:
        found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return False, None
    finally:
        connection.set_progress_handler(None, 0)
    return True, None if found == "ok" else found


def _store_fix(error: sqlite3.Error, database: Path) -> str:
    match getattr(error, "sqlite_errorcode", None):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"Another program holds it: `fuser {database}` names it. End that program."
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return f"Correct the permissions of {database} and of its folder."
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return "Free disk space, or check the disk."
        case _:
            return f"Move {database} away; journals and files of the runs stay readable."


def check_worker(workspace: Workspace) -> Iterator[Finding]:
    """Start a worker twice and measure it: the first one may have to start the zygote."""
    took: list[float] = []
    with tempfile.TemporaryDirectory(prefix="synapse-doctor-") as folder:
        for _ in range(2):
            start = time.monotonic()
            workspace.inspector.inspect(Path(folder), {}, timeout_s=_WORKER_PATIENCE_S)
            took.append(time.monotonic() - start)
    first_ms, warm_ms = (round(seconds * 1000, 1) for seconds in took)
    is_slow = took[-1] > _SLOW_WORKER_S
    yield Finding(
        check="worker",
        level=WARNING if is_slow else OK,
        message=f"A worker starts in {warm_ms:g} ms ({first_ms:g} ms the first time).",
        fix="The machine is busy, or its disk is slow; runs will start slowly." if is_slow else "",
        facts={"first_ms": first_ms, "warm_ms": warm_ms},
    )


def check_runs(workspace: Workspace) -> Iterator[Finding]:
    """Look after the runs that have not ended; those whose worker died are settled by that."""
    active = workspace.runs.active()
    settled = [run.id for run in active if get_run(workspace, run.id).status.is_terminal]
    if settled:
        yield Finding(
            check="runs",
            level=WARNING,
            message=f"{len(settled)} runs had lost their worker, and are settled now.",
            fix=f"Look why: synapse run show {settled[0]}",
            facts={"settled": [*settled]},
        )
    going = len(active) - len(settled)
    yield Finding(
        check="runs", level=OK, message=f"{going} runs are active.", facts={"active": going}
    )


def check_plugins(workspace: Workspace) -> Iterator[Finding]:
    """Look whether the roots can be read, and which plugins in them cannot."""
    for root in workspace.roots:
        if not root.is_dir():
            yield Finding(
                check="plugins",
                level=WARNING,
                message=f"The root {root} is not there.",
                fix="Make it, or leave it out.",
            )
    found = len(workspace.catalog.plugins())
    for folder, fault in workspace.catalog.faults():
        yield Finding(check="plugins", level=WARNING, message=f"{folder}: {fault}")
    yield Finding(check="plugins", level=OK, message=f"{found} plugins.")

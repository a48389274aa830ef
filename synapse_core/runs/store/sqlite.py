"""The run store of one machine: a SQLite file."""

import time
from collections.abc import Callable
from pathlib import Path

from synapse_core.runs.store.sql import SqlRunStore
from synapse_core.runs.store.sqlite_connections import SqliteConnections

__all__ = ["SqliteRunStore"]

BUSY_TIMEOUT_S = 5.0
"""A write takes a millisecond; who holds the file longer is stuck, or copies it."""


class SqliteRunStore(SqlRunStore):
    """Implements `RunStore` on a file that any number of processes and threads share.

    A change survives the end of any process at once. The end of a run also survives a power
    failure; what led to it may be lost then, back to a state the run was in before.

    Nothing is opened before it is used. After a fork, each process has connections of its own.

    Args:
        path: The file; it is made when it is not there, its folder is not.
        busy_timeout_s: Seconds to wait for other processes' writes.
        clock: Tells the Unix time.
    """

    def __init__(
        self,
        path: Path,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(SqliteConnections(path, busy_timeout_s=busy_timeout_s), clock)

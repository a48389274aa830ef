"""Connections to a database, each for one user at a time."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from synapse_core.errors import StoreUnavailableError

__all__ = ["Loan", "Pool"]

_MAX_IDLE = 8
"""Connections kept for later. Each has files open and a cache, and many threads leave many."""


class _Closes(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=_Closes)


class Loan(Generic[C]):
    """A connection that is lent.

    Attributes:
        connection: The connection.
    """

    def __init__(self, pool: "Pool[C]", connection: C) -> None:
        self._pool = pool
        self.connection = connection

    def renew(self) -> None:
        """Change a connection that is dead for a new one; those that are free are dead as well."""
        self.connection.close()
        self._pool.close_idle()
        self.connection = self._pool.open_one()


class Pool(Generic[C]):
    """Lends each connection to one user at a time, and makes a new one where none is free.

    A connection is never used in a process other than the one that opened it: neither locks nor
    sockets survive a fork.

    Args:
        open_one: Opens a connection.
        faults: What is raised for a connection that may not be used again.
        where: What it leads to, for messages.
    """

    def __init__(
        self, open_one: Callable[[], C], faults: tuple[type[Exception], ...], where: str
    ) -> None:
        self.open_one = open_one
        self._faults = faults
        self._where = where
        self._idle: list[C] = []
        self._pid = os.getpid()
        self._is_closed = False

    @contextmanager
    def lend(self) -> Generator[Loan[C]]:
        """Lend a connection.

        Raises:
            StoreUnavailableError: The pool was closed.
        """
        self._leave_to_parent()
        if self._is_closed:
            raise StoreUnavailableError(
                "The run store was closed.", hint="Open it again.", store=self._where
            )
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self.open_one()
        loan = Loan(self, connection)
        pid = os.getpid()
        try:
            yield loan
        except self._faults:
            # What state it is in is hard to tell; a fresh one costs less than finding out.
            if pid == os.getpid():
                loan.connection.close()
            raise
        except BaseException:
            self._take_back(loan.connection, pid)
            raise
        self._take_back(loan.connection, pid)

    def close_idle(self) -> None:
        """Close what is free."""
        while self._idle:
            self._idle.pop().close()

    def close(self) -> None:
        """Close what is free now, and what is in use as soon as it is given back."""
        self._is_closed = True
        self._leave_to_parent()
        self.close_idle()

    def _take_back(self, connection: C, pid: int) -> None:
        if pid != os.getpid():
            _never_close(connection)
        elif self._is_closed or len(self._idle) >= _MAX_IDLE:
            connection.close()
        else:
            self._idle.append(connection)

    def _leave_to_parent(self) -> None:
        """Forget, without closing them, the connections that this process was forked with."""
        if self._pid == os.getpid():
            return
        inherited, self._idle, self._pid = self._idle, [], os.getpid()
        for connection in inherited:
            _never_close(connection)


def _never_close(connection: object) -> None:
    """Keep an inherited connection for ever: closing it could end that of its owner."""
    import ctypes  # noqa: PLC0415 - only in a process that was forked with an open store

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))

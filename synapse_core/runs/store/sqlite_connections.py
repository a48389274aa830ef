"""Connections to the SQLite file of a run store."""

import os
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from synapse_core.errors import StoreUnavailableError
from synapse_core.runs.store.database import Cell, Texts
from synapse_core.runs.store.pool import Pool
from synapse_core.runs.store.sqlite_schema import is_current, migrate

__all__ = ["SqliteConnections", "SqliteTexts"]

_CACHED_STATEMENTS = 64
_MAX_LOG_BYTES = 16 * 1024 * 1024
"""After a burst the write-ahead log is cut back to this."""

_RETRY_S = 0.001
"""A write takes a third of it. SQLite itself would wait up to 100 ms before it looks again, and let
the same process pass by it for half a second."""


class SqliteTexts:
    """Implements `Texts`: text that cannot be encoded is kept as bytes."""

    def bind(self, text: str | None) -> Cell:
        """Return what SQLite can keep and compare."""
        if text is None or text.isascii():
            return text
        encoded = text.encode("utf-8", "surrogatepass")
        try:
            encoded.decode("utf-8")
        except UnicodeDecodeError:
            return encoded
        return text

    def read(self, cell: Cell) -> str | None:
        """Return the text again."""
        if isinstance(cell, bytes):
            return cell.decode("utf-8", "surrogatepass")
        return None if cell is None else str(cell)


class SqliteConnections:
    """Implements `Database` on a SQLite file.

    Args:
        path: The file; it is made when it is not there, readable by its owner only.
        busy_timeout_s: Seconds to wait for another process's write before giving up.
    """

    texts: Texts = SqliteTexts()
    locking = ""
    """Nothing: whoever writes keeps all other writers out."""

    def __init__(self, path: Path, *, busy_timeout_s: float) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._pool = Pool(self._open, (sqlite3.Error,), str(path))
        self._file: tuple[int, int] | None = None

    @contextmanager
    def read(self) -> Generator[sqlite3.Connection]:
        """Lend a connection for one statement, or for several that need not agree.

        Raises:
            StoreUnavailableError: The file cannot be used.
        """
        with _translating(self._path):
            self._leave_old_file()
            with self._pool.lend() as loan:
                yield loan.connection

    @contextmanager
    def write(self, *, durable: bool = False) -> Generator[sqlite3.Connection]:
        """Lend a connection for a transaction that keeps other writers out.

        Committed at the end, rolled back when something is raised.

        Args:
            durable: Whether the commit must survive a power failure.

        Raises:
            StoreUnavailableError: The file cannot be used; nothing was written.
        """
        with self.read() as connection:
            if durable:
                connection.execute("PRAGMA synchronous = FULL")
            try:
                with self._transaction(connection):
                    yield connection
            finally:
                if durable:
                    connection.execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        """Close what is free now, and what is in use as soon as it is given back."""
        self._pool.close()

    def _leave_old_file(self) -> None:
        """Close what leads to a file that was moved away: what is written to it is lost."""
        _make_private(self._path)
        status = self._path.stat()
        file = (status.st_dev, status.st_ino)
        if self._file not in {None, file}:
            self._pool.close_idle()
        self._file = file

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_CACHED_STATEMENTS,
        )
        try:
            connection.row_factory = sqlite3.Row
            if not is_current(connection):
                with self._transaction(connection):
                    migrate(connection)
            self._use_log(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _use_log(self, connection: sqlite3.Connection) -> None:
        """Have readers and the writer not wait for each other."""
        # Of several that make the file together, one changes the mode; SQLite does not have the
        # others wait for it.
        self._insist(connection, "PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {_MAX_LOG_BYTES}")

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Generator[None]:
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            self._insist(connection, "BEGIN IMMEDIATE")
        finally:
            connection.execute(f"PRAGMA busy_timeout = {self._busy_timeout_s * 1000:.0f}")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _insist(self, connection: sqlite3.Connection, statement: str) -> None:
        """Execute a statement as soon as no other process is in its way."""
        until = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                connection.execute(statement)
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() > until:
                    raise
                time.sleep(_RETRY_S)
            else:
                return


def _make_private(path: Path) -> None:
    """Make the file before SQLite does, which would let others read it; its log follows suit."""
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


@contextmanager
def _translating(path: Path) -> Generator[None]:
    """Have what goes wrong in SQLite or with its file told as what it means here."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailableError(
            f"The run store {path} cannot be used: {error}.",
            hint=_hint(_primary_code(error), path),
            path=str(path),
            reason=str(getattr(error, "sqlite_errorname", type(error).__name__)),
        ) from error
    except OSError as error:
        if isinstance(error, StoreUnavailableError):
            raise
        raise StoreUnavailableError(
            f"The run store {path} cannot be opened: {error.strerror}.",
            hint=f"Make the folder {path.parent}, or let this user write in it.",
            path=str(path),
        ) from error


def _is_busy(error: sqlite3.Error) -> bool:
    return _primary_code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _primary_code(error: sqlite3.Error) -> int:
    # The bits above tell details. Source: https://sqlite.org/rescode.html
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


_HINTS = {
    sqlite3.SQLITE_BUSY: "Another program holds it: `fuser {path}` names it. Wait, or end it.",
    sqlite3.SQLITE_LOCKED: "Another program holds it: `fuser {path}` names it. Wait, or end it.",
    sqlite3.SQLITE_READONLY: "Let this user write {path} and in its folder.",
    sqlite3.SQLITE_PERM: "Let this user read and write {path}.",
    sqlite3.SQLITE_CANTOPEN: "Make the folder {folder}, or let this user write in it.",
    sqlite3.SQLITE_FULL: "Free disk space; `synapse run prune` removes old runs.",
    sqlite3.SQLITE_IOERR: "Check the disk, and whether there is space on it.",
    sqlite3.SQLITE_CORRUPT: "Move {path} away; journals and files of the runs stay readable.",
    sqlite3.SQLITE_NOTADB: "Move {path} away; journals and files of the runs stay readable.",
}


def _hint(code: int, path: Path) -> str:
    return _HINTS.get(code, "Run `synapse doctor`.").format(path=path, folder=path.parent)

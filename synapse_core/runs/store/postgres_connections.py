"""Connections to the PostgreSQL database of a run store. Imported only where there is one."""

import re
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from synapse_core.errors import ConfigError, InvalidInputError, StoreUnavailableError
from synapse_core.runs.store.database import Answer, Cell, ConnectionLostError, Texts
from synapse_core.runs.store.pool import Loan, Pool
from synapse_core.runs.store.postgres_schema import migrate
from synapse_core.runs.store.postgres_url import check_url, secrets_of_url, show_url

__all__ = ["PostgresConnections", "PostgresTexts"]

_CONNECT_TIMEOUT_S = 5
_LOCK_TIMEOUT_MS = 5000
"""A change takes a millisecond; who keeps a run locked for longer is stuck."""

_MAX_BYTES = 800
"""Three such texts fit into one entry of an index, which may have 2,700 bytes."""

_MARK = re.compile(r"\?|(?<!:):(\w+)")
_ODD = re.compile("[\\\\\0\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(\\|[0-9a-f]{4})")

RV = TypeVar("RV")


class PostgresTexts:
    r"""Implements `Texts`: what PostgreSQL's text cannot hold is written as `\` and four digits."""

    def bind(self, text: str | None) -> Cell:
        """Return what is kept and compared.

        Raises:
            InvalidInputError: It is too long for an index.
        """
        if text is None:
            return None
        kept = _ODD.sub(_escape, text)
        if len(kept.encode()) > _MAX_BYTES:
            raise InvalidInputError(
                f"{text[:80]!r}… is longer than {_MAX_BYTES} bytes, which is the most for a name "
                "or a key in this store.",
                hint="Choose a shorter one.",
            )
        return kept

    def read(self, cell: Cell) -> str | None:
        """Return the text again."""
        return None if cell is None else _ESCAPED.sub(_unescape, str(cell))


def _escape(found: re.Match[str]) -> str:
    return "\\\\" if found[0] == "\\" else f"\\{ord(found[0]):04x}"


def _unescape(found: re.Match[str]) -> str:
    return "\\" if found[1] == "\\" else chr(int(found[1], 16))


class _Connection(psycopg.Connection[DictRow]):
    """A connection whose statements are answered within a time, or not at all."""

    patience_s: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        patience_s = self.patience_s if timeout is None else timeout
        started = time.monotonic()
        try:
            return super().wait(gen, interval, patience_s)
        except psycopg.OperationalError as error:
            if patience_s is None or time.monotonic() - started < patience_s:
                raise
            raise psycopg.OperationalError(f"no answer within {patience_s:g} s") from error


class _LeftError(psycopg.OperationalError):
    """The server has left a connection that it had taken."""

    is_undecided = False


class _Session:
    """Implements `Statements` on a lent connection."""

    def __init__(self, loan: Loan[_Connection]) -> None:
        self._loan = loan
        self.may_renew = True
        """Whether nothing was said yet that a new connection would not know of."""
        self.is_committing = False

    def execute(self, sql: str, values: Sequence[Cell] | Mapping[str, Cell] = (), /) -> Answer:
        """Execute a statement, on a new connection when the server has left this one.

        Raises:
            _LeftError: It has left it in the middle of something, or the new one as well.
        """
        query = _translated(sql)
        try:
            return self._execute(query, values)
        except _LeftError:
            if not self.may_renew:
                raise
            self._loan.renew()
            return self._execute(query, values)

    def _execute(self, query: Any, values: Sequence[Cell] | Mapping[str, Cell]) -> Answer:  # noqa: ANN401 - as `_translated` says
        connection = self._loan.connection
        try:
            return connection.execute(query, values, prepare=False)
        except psycopg.OperationalError as error:
            if not connection.closed and not _has_left(error):
                raise
            left = _LeftError(*error.args)
            left.is_undecided = self.is_committing
            raise left from error


class PostgresConnections:
    """Implements `Database` on a PostgreSQL server.

    The tables are made when they are not there. A server that was started anew is connected to
    again.

    Args:
        url: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, with options of libpq as its query.
        answer_timeout_s: Seconds after which a server that does not answer is taken for dead.

    Raises:
        ConfigError: It is no such address.
    """

    texts: Texts = PostgresTexts()
    locking = "FOR UPDATE"

    def __init__(self, url: str, *, answer_timeout_s: float) -> None:
        self._answer_timeout_s = answer_timeout_s
        self._secrets = secrets_of_url(check_url(url))
        self._where = show_url(url)
        self._conninfo = self._read_url(url)
        self._is_migrated = False
        self._pool = Pool(self._open, (psycopg.Error,), self._where)

    @contextmanager
    def read(self) -> Generator[_Session]:
        """Lend a connection for one statement, or for several that need not agree.

        Raises:
            StoreUnavailableError: The database cannot be used.
        """
        with self._translating(), self._pool.lend() as loan:
            yield _Session(loan)

    @contextmanager
    def write(self, *, durable: bool = False) -> Generator[_Session]:  # noqa: ARG002 - commits are durable where the server's are
        """Lend a connection for a transaction, in which rows that are read to be changed stay.

        When the connection breaks at the very end, nobody here can tell whether it was committed.

        Raises:
            StoreUnavailableError: The database cannot be used.
        """
        with self.read() as session:
            # Each statement sees what was committed before it: a run that another has just
            # claimed is read again once its row is free.
            session.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            session.may_renew = False
            with _transaction(session):
                yield session

    def close(self) -> None:
        """Close what is free now, and what is in use as soon as it is given back."""
        self._pool.close()

    def _read_url(self, url: str) -> str:
        try:
            given = conninfo_to_dict(url)
        except psycopg.Error as error:
            raise ConfigError(
                f"The address {self._where} of the store cannot be read: {self._told(error)}.",
                hint="Its query takes the options of libpq, such as sslmode=require.",
            ) from None
        usual = {
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "application_name": "synapse",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": int(self._answer_timeout_s * 1000),
        }
        return make_conninfo("", **{**usual, **given})

    def _open(self) -> _Connection:
        connection = _Connection.connect(self._conninfo, autocommit=True, row_factory=dict_row)
        try:
            session = _Session(Loan(self._pool, connection))
            session.may_renew = False
            if not self._is_migrated:
                session.execute("BEGIN")
                with _transaction(session):
                    migrate(session)
                self._is_migrated = True
            session.execute(
                "SELECT set_config('lock_timeout', ?, false) "
                "WHERE current_setting('lock_timeout') = '0'",
                [str(_LOCK_TIMEOUT_MS)],
            )
            # Only now: tables that are changed keep others waiting for as long as it takes.
            connection.patience_s = self._answer_timeout_s
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _translating(self) -> Generator[None]:
        """Have what goes wrong told as what it means here, without the secrets of the address."""
        try:
            yield
        except psycopg.Error as error:
            told = self._told(error)
            cause = error.__cause__ if isinstance(error, _LeftError) else None
            first = cause if isinstance(cause, psycopg.Error) else error
            facts = {
                "hint": _hint(first, told),
                "store": self._where,
                "reason": first.sqlstate or type(first).__name__,
            }
            message = f"The run store {self._where} cannot be used: {told}."
            if isinstance(error, _LeftError):
                lost = ConnectionLostError(message, **facts)
                lost.data["undecided"] = error.is_undecided
                raise lost from None
            raise StoreUnavailableError(message, **facts) from None
        except StoreUnavailableError as error:
            error.data.setdefault("store", self._where)
            raise

    def _told(self, error: psycopg.Error) -> str:
        message = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        for secret in self._secrets:
            message = message.replace(secret, "[redacted]")
        return message


@contextmanager
def _transaction(session: _Session) -> Generator[None]:
    try:
        yield
        session.is_committing = True
        session.execute("COMMIT")
    except psycopg.Error:
        raise  # the connection is given up, and with it what was begun
    except BaseException:
        session.execute("ROLLBACK")
        raise


@lru_cache(maxsize=256)
def _translated(sql: str) -> Any:  # noqa: ANN401 - psycopg takes literal text only
    """Return the statement with the marks of psycopg for `?` and `:name`."""
    return _MARK.sub(lambda found: f"%({found[1]})s" if found[1] else "%s", sql)


def _has_left(error: psycopg.Error) -> bool:
    return isinstance(error, psycopg.errors.AdminShutdown | psycopg.errors.CrashShutdown)


_HINTS = (
    ("password authentication failed", "Correct user and password in the address."),
    ("no password supplied", "Put the password into the address, or into ~/.pgpass."),
    ("pg_hba.conf", "Have the server let this user in from here (pg_hba.conf), or use TLS."),
    ("does not exist", "Make it on the server, or correct the address."),
    ("permission denied", "Let this user make tables there: GRANT CREATE ON SCHEMA public TO …"),
    ("connection refused", "Start the server, or correct host and port."),
    ("no answer", "Is the server well, and can it be reached from here?"),
    ("timeout", "Is the server well, and can it be reached from here?"),
    ("resolve host", "Correct the host in the address."),
    ("name or service not known", "Correct the host in the address."),
    ("too many", "Raise max_connections of the server, or end programs that hold some."),
    ("ssl", "Set sslmode in the address as the server wants it."),
    ("read-only", "Name the primary server, not a replica of it."),
)
"""Before there is a session, an error has no code; the server's words are all there is."""


def _hint(error: psycopg.Error, told: str) -> str:
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return "Another program keeps the run locked: pg_stat_activity on the server names it."
    if isinstance(error, psycopg.errors.DiskFull):
        return "Free disk space on the server; `synapse run prune` removes old runs."
    lower = told.lower()
    known = (hint for words, hint in _HINTS if words in lower)
    return next(known, "Look at the log of the server, and run `synapse doctor`.")

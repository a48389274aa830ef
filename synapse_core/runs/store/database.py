"""What a run store needs of a database that speaks SQL."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

from synapse_core.errors import StoreUnavailableError

__all__ = ["Answer", "Cell", "ConnectionLostError", "Database", "Statements", "Texts"]

Cell: TypeAlias = str | bytes | int | float | None


class ConnectionLostError(StoreUnavailableError):
    """The server has left a connection, and with it what was begun; it may be begun again."""

    @property
    def is_undecided(self) -> bool:
        """Whether changes may have been kept all the same: it broke while they were committed."""
        return self.data.get("undecided") is True


class Answer(Protocol):
    """What a statement brought; its rows are, or can be made, mappings."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchone(self) -> Any:  # noqa: ANN401 - a row has whatever columns were asked for
        """Return the next row; None when there is none."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all rows."""
        ...


class Statements(Protocol):
    """Takes statements, with `?` or `:name` where a value is put in."""

    def execute(self, sql: str, values: Sequence[Cell] | Mapping[str, Cell] = ..., /) -> Answer:
        """Execute a statement."""
        ...


class Texts(Protocol):
    """How text that may be no text is kept: lone surrogates, or a NUL."""

    def bind(self, text: str | None) -> Cell:
        """Return what is kept and compared; equal for equal texts only."""
        ...

    def read(self, cell: Cell) -> str | None:
        """Return the text again."""
        ...


class Database(Protocol):
    """A database that has the tables of the run store.

    Attributes:
        texts: How it keeps text.
        locking: What is added to a query whose rows the same transaction will change.
    """

    texts: Texts
    locking: str

    def read(self) -> AbstractContextManager[Statements]:
        """Lend a connection for one statement, or for several that need not agree.

        Raises:
            ConnectionLostError: The connection broke.
            StoreUnavailableError: The database cannot be used.
        """
        ...

    def write(self, *, durable: bool = False) -> AbstractContextManager[Statements]:
        """Lend a connection for a transaction; rolled back when something is raised.

        Args:
            durable: Whether the commit must survive a power failure.

        Raises:
            ConnectionLostError: The connection broke.
            StoreUnavailableError: The database cannot be used.
        """
        ...

    def close(self) -> None:
        """Close what is free now, and what is in use as soon as it is given back."""
        ...

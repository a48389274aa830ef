"""Statements that add and change runs, and how often they are tried."""

from collections.abc import Callable
from typing import Any, TypeVar

from synapse_core.model.run import Run
from synapse_core.runs.store.database import ConnectionLostError, Statements, Texts
from synapse_core.runs.store.rows import CHANGING, COLUMNS, PAYLOAD, cells_of, payload_of

__all__ = ["again", "insert", "update"]

_T = TypeVar("_T")

_TRIES = 4
"""Of what a connection broke in the middle of: a server that ends some of them has others left."""

_INSERT_RUN = (
    f"INSERT INTO runs ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608 - our own words
    "ON CONFLICT DO NOTHING RETURNING number"
)
_INSERT_PAYLOAD = "INSERT INTO payloads (params, env, result, number) VALUES (?, ?, ?, ?)"
_UPDATE_RUN = f"UPDATE runs SET {', '.join(f'{name} = ?' for name in CHANGING)} WHERE number = ?"  # noqa: S608 - our own words
_UPDATE_RESULT = "UPDATE payloads SET result = ? WHERE number = ?"


def again(work: Callable[[], _T], *, is_idempotent: bool = True) -> _T:
    """Do something, again when a connection broke over it and that does no harm."""
    for _ in range(_TRIES - 1):
        try:
            return work()
        except ConnectionLostError as error:
            if error.is_undecided and not is_idempotent:
                raise
    return work()


def insert(statements: Statements, run: Run, texts: Texts) -> bool:
    """Add a run; False when its id or its key is taken."""
    added: list[Any] = statements.execute(_INSERT_RUN, cells_of(run, COLUMNS, texts)).fetchall()
    if added:
        statements.execute(_INSERT_PAYLOAD, [*payload_of(run), added[0]["number"]])
    return bool(added)


def update(statements: Statements, run: Run, changed: Run, number: int, texts: Texts) -> None:
    """Make of a run, whose row has this number, what it was changed to."""
    statements.execute(_UPDATE_RUN, [*cells_of(changed, CHANGING, texts), number])
    if changed.result is not run.result:
        result = payload_of(changed)[PAYLOAD.index("result")]
        statements.execute(_UPDATE_RESULT, [result, number])

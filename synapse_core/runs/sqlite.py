"""The run store of one machine: a SQLite file."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from synapse_core.errors import ConflictError, InvalidInputError, RunNotFoundError
from synapse_core.model.run import Outcome, Page, Run, RunFilter, RunStatus, RunSummary
from synapse_core.runs import lifecycle
from synapse_core.runs.connections import Connections
from synapse_core.runs.list_cursor import format_place, parse_place
from synapse_core.runs.listing import select_page
from synapse_core.runs.rows import (
    CHANGING,
    COLUMNS,
    PAYLOAD,
    bindable,
    cells_of,
    payload_of,
    run_of,
)

__all__ = ["SqliteRunStore"]

BUSY_TIMEOUT_S = 5.0
"""A write takes a millisecond; who holds the file longer is stuck, or copies it."""

_DELETED_AT_ONCE = 500

_LISTED = ", ".join(f"runs.{column}" for column in COLUMNS)
_WHOLE = f"{_LISTED}, {', '.join(PAYLOAD)}"
_ENDED = ", ".join(f"'{status.value}'" for status in RunStatus if status.is_terminal)
_INSERT_RUN = f"INSERT INTO runs ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - our own words
_INSERT_PAYLOAD = "INSERT INTO payloads (params, env, result, number) VALUES (?, ?, ?, ?)"
_UPDATE_RUN = f"UPDATE runs SET {', '.join(f'{name} = ?' for name in CHANGING)} WHERE number = ?"  # noqa: S608 - our own words

_Changed = TypeVar("_Changed", Run, Run | None)


class SqliteRunStore:
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
        self._connections = Connections(path, busy_timeout_s=busy_timeout_s)
        self._clock = clock

    def close(self) -> None:
        """Close the file; the store cannot be used any more."""
        self._connections.close()

    def create(self, run: Run) -> Run:
        """Add a pending run; with an idempotency key already used, return the earlier run."""
        lifecycle.check_new(run)
        with self._connections.write() as connection:
            earlier = _find(connection, "idempotency_key", run.idempotency_key)
            if earlier is not None:
                return run_of(earlier)
            if _find(connection, "id", run.id) is not None:
                raise ConflictError(
                    f"There already is a run {run.id}.", hint="Take a new id.", run_id=run.id
                )
            added = connection.execute(_INSERT_RUN, cells_of(run, COLUMNS))
            connection.execute(_INSERT_PAYLOAD, [*payload_of(run), added.lastrowid])
        return run

    def get(self, run_id: str) -> Run:
        """Return the run."""
        with self._connections.read() as connection:
            return run_of(_find_known(connection, run_id))

    def list(self, where: RunFilter, *, limit: int = 50, cursor: str | None = None) -> Page[Run]:
        """Return runs that match, newest first, without params, result and env."""
        if limit < 1:
            raise InvalidInputError(f"limit is {limit}.", hint="Ask for one run or more.")
        before = parse_place(where, cursor) if cursor is not None else None
        query, values = select_page(_LISTED, where, before, limit + 1)
        with self._connections.read() as connection:
            rows = connection.execute(query, values).fetchall()
        more = None
        if len(rows) > limit:
            last = rows[limit - 1]
            more = format_place(where, (last["created_at"], last["number"]))
        return Page(tuple(run_of(dict(row)) for row in rows[:limit]), more)

    def claim(self, run_id: str, *, owner: str, lease_s: float) -> Run | None:
        """Move a pending run to running; None for every caller but one."""
        rule = partial(lifecycle.claim, owner=owner, lease_s=lease_s, now=self._clock())
        return self._change(run_id, rule)

    def heartbeat(
        self, run_id: str, *, owner: str, lease_s: float, summary: RunSummary | None = None
    ) -> Run:
        """Extend the owner's lease and return the run, without params, result and env."""
        rule = partial(
            lifecycle.heartbeat, owner=owner, lease_s=lease_s, summary=summary, now=self._clock()
        )
        return self._change(run_id, rule, columns=_LISTED)

    def begin_attempt(self, run_id: str, *, owner: str, attempt: int) -> None:
        """Record that the owner starts another attempt."""
        rule = partial(lifecycle.begin_attempt, owner=owner, attempt=attempt)
        self._change(run_id, rule, columns=_LISTED)

    def finish(
        self, run_id: str, outcome: Outcome, *, owner: str | None, summary: RunSummary | None = None
    ) -> Run:
        """End the run, also over a power failure; one that has ended is returned unchanged."""
        rule = partial(
            lifecycle.finish, outcome=outcome, owner=owner, summary=summary, now=self._clock()
        )
        return self._change(run_id, rule, durable=True)

    def take_over(self, run_id: str, *, expected_owner: str, owner: str, lease_s: float) -> bool:
        """Pass a running run to the caller; False when the owner has changed."""
        rule = partial(
            lifecycle.take_over,
            expected_owner=expected_owner,
            owner=owner,
            lease_s=lease_s,
            now=self._clock(),
        )
        return self._change(run_id, rule, columns=_LISTED) is not None

    def release(self, run_id: str, *, expected_owner: str) -> bool:
        """Make a running run pending again; False when it may not be made so."""
        rule = partial(lifecycle.release, expected_owner=expected_owner)
        return self._change(run_id, rule, columns=_LISTED) is not None

    def request_cancel(self, run_id: str, *, force: bool = False) -> Run:
        """Ask a running run to stop; end a pending one as cancelled at once."""
        rule = partial(lifecycle.request_cancel, force=force, now=self._clock())
        return self._change(run_id, rule, durable=True)

    def active(self) -> Sequence[Run]:
        """Return every pending and running run, oldest first, without params, result and env."""
        with self._connections.read() as connection:
            rows = connection.execute(
                f"SELECT {_LISTED} FROM runs WHERE status IN ('pending', 'running') "  # noqa: S608 - our own words
                "ORDER BY created_at, number"
            ).fetchall()
        return [run_of(dict(row)) for row in rows]

    def delete(self, run_ids: Iterable[str]) -> int:
        """Forget terminal runs and return how many."""
        wanted = iter(list(dict.fromkeys(run_ids)))
        count = 0
        with self._connections.write() as connection:
            while some := [bindable(run_id) for run_id in islice(wanted, _DELETED_AT_ONCE)]:
                ended = (
                    f"SELECT number FROM runs WHERE id IN ({', '.join('?' * len(some))}) "  # noqa: S608 - our own words
                    f"AND status IN ({_ENDED})"
                )
                connection.execute(f"DELETE FROM payloads WHERE number IN ({ended})", some)  # noqa: S608 - our own words
                removed = connection.execute(f"DELETE FROM runs WHERE number IN ({ended})", some)  # noqa: S608 - our own words
                count += removed.rowcount
        return count

    def _change(
        self,
        run_id: str,
        rule: Callable[[Run], _Changed],
        *,
        columns: str = _WHOLE,
        durable: bool = False,
    ) -> _Changed:
        """Apply the rule while nobody else can write, and return what it made of the run."""
        with self._connections.write(durable=durable) as connection:
            row = _find_known(connection, run_id, columns)
            run = run_of(row)
            changed = rule(run)
            if changed is not None and changed is not run:
                connection.execute(_UPDATE_RUN, [*cells_of(changed, CHANGING), row["number"]])
                if changed.result is not run.result:
                    connection.execute(
                        "UPDATE payloads SET result = ? WHERE number = ?",
                        [payload_of(changed)[PAYLOAD.index("result")], row["number"]],
                    )
        return changed


def _find(
    connection: sqlite3.Connection, column: str, value: str | None, columns: str = _WHOLE
) -> dict[str, object] | None:
    tables = "runs" if columns == _LISTED else "runs JOIN payloads USING (number)"
    row = connection.execute(
        f"SELECT runs.number, {columns} FROM {tables} WHERE {column} = ?",  # noqa: S608 - our own words
        [bindable(value)],
    ).fetchone()
    return None if row is None else dict(row)


def _find_known(
    connection: sqlite3.Connection, run_id: str, columns: str = _WHOLE
) -> dict[str, object]:
    found = _find(connection, "id", run_id, columns)
    if found is None:
        raise RunNotFoundError(run_id)
    return found

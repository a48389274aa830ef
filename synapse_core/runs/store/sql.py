"""The run store in a database that speaks SQL."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from synapse_core.errors import ConflictError, InvalidInputError, RunNotFoundError
from synapse_core.model.run import Outcome, Page, Run, RunFilter, RunStatus, RunSummary
from synapse_core.ports import ManyRuns
from synapse_core.runs.store import lifecycle
from synapse_core.runs.store.changing import again, insert, update
from synapse_core.runs.store.database import Cell, ConnectionLostError, Database, Statements
from synapse_core.runs.store.list_cursor import format_place, parse_place
from synapse_core.runs.store.listing import select_page
from synapse_core.runs.store.many import SqlManyRuns
from synapse_core.runs.store.rows import COLUMNS, PAYLOAD, run_of

__all__ = ["SqlRunStore"]

_DELETED_AT_ONCE = 500

_LISTED = ", ".join(f"runs.{column}" for column in COLUMNS)
_WHOLE = f"{_LISTED}, {', '.join(PAYLOAD)}"
_ENDED = ", ".join(f"'{status.value}'" for status in RunStatus if status.is_terminal)

_Changed = TypeVar("_Changed", Run, Run | None)


class SqlRunStore:
    """Implements `RunStore` on any `Database`.

    Args:
        database: Where the runs are kept; closed with this store.
        clock: Tells the Unix time.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._many = SqlManyRuns(database, clock)

    @property
    def many(self) -> ManyRuns:
        """What is done to many runs at once."""
        return self._many

    def close(self) -> None:
        """Let go of the database; the store cannot be used any more."""
        self._database.close()

    def create(self, run: Run) -> Run:
        """Add a pending run; with an idempotency key already used, return the earlier run."""
        lifecycle.check_new(run)
        kept = self._create_surely(run)
        if kept is not None:
            return kept
        raise ConflictError(
            f"There already is a run {run.id}.", hint="Take a new id.", run_id=run.id
        )

    def get(self, run_id: str) -> Run:
        """Return the run."""
        return again(partial(self._get, run_id))

    def list(self, where: RunFilter, *, limit: int = 50, cursor: str | None = None) -> Page[Run]:
        """Return runs that match, newest first, without params, result and env."""
        if limit < 1:
            raise InvalidInputError(f"limit is {limit}.", hint="Ask for one run or more.")
        before = parse_place(where, cursor) if cursor is not None else None
        query, values = select_page(_LISTED, where, before, limit + 1, self._database.texts)
        rows = again(partial(self._select, query, values))
        more = None
        if len(rows) > limit:
            last = rows[limit - 1]
            more = format_place(where, (last["created_at"], last["number"]))
        texts = self._database.texts
        return Page(tuple(run_of(dict(row), texts) for row in rows[:limit]), more)

    def claim(self, run_id: str, *, owner: str, lease_s: float) -> Run | None:
        """Move a pending run to running; None for every caller but one."""
        rule = partial(lifecycle.claim, owner=owner, lease_s=lease_s, now=self._clock())
        return self._change(run_id, rule, is_idempotent=False)

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
        rule = partial(lifecycle.begin_attempt, owner=owner, attempt=attempt, now=self._clock())
        self._change(run_id, rule, columns=_LISTED)

    def finish(
        self,
        run_id: str,
        outcome: Outcome,
        *,
        owner: str | None,
        summary: RunSummary | None = None,
        started_at: float | None = None,
    ) -> Run:
        """End the run, also over a power failure; one that has ended is returned unchanged."""
        rule = partial(
            lifecycle.finish,
            outcome=outcome,
            owner=owner,
            summary=summary,
            started_at=started_at,
            now=self._clock(),
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
        return self._change(run_id, rule, columns=_LISTED, is_idempotent=False) is not None

    def release(self, run_id: str, *, expected_owner: str) -> bool:
        """Make a running run pending again; False when it may not be made so."""
        rule = partial(lifecycle.release, expected_owner=expected_owner)
        return self._change(run_id, rule, columns=_LISTED, is_idempotent=False) is not None

    def request_cancel(self, run_id: str, *, force: bool = False) -> Run:
        """Ask a running run to stop; end a pending one as cancelled at once."""
        rule = partial(lifecycle.request_cancel, force=force, now=self._clock())
        return self._change(run_id, rule, durable=True)

    def active(self) -> Sequence[Run]:
        """Return every pending and running run, oldest first, without params, result and env."""
        query = (
            f"SELECT {_LISTED} FROM runs WHERE status IN ('pending', 'running') "  # noqa: S608 - our own words
            "ORDER BY created_at, number"
        )
        rows = again(partial(self._select, query, []))
        return [run_of(dict(row), self._database.texts) for row in rows]

    def delete(self, run_ids: Iterable[str]) -> int:
        """Forget terminal runs and return how many."""
        # In one order, so that two who delete at once never wait for each other.
        return again(partial(self._delete, sorted(set(run_ids))), is_idempotent=False)

    def _create_surely(self, run: Run) -> Run | None:
        """Return the run that is kept; None when another one has its id."""
        has_key = run.idempotency_key is not None
        try:
            return again(partial(self._create, run), is_idempotent=has_key)
        except ConnectionLostError as error:
            if not error.is_undecided:
                raise
        # It may be there already, and then it is what stands under its id.
        return again(partial(self._create, run, may_be_there=True))

    def _create(self, run: Run, *, may_be_there: bool = False) -> Run | None:
        texts = self._database.texts
        with self._database.write() as statements:
            if insert(statements, run, texts):
                return run
            earlier = self._find(statements, "idempotency_key", run.idempotency_key)
            if earlier is None and may_be_there:
                found = self._find(statements, "id", run.id)
                is_same = found is not None and found["created_at"] == run.created_at
                earlier = found if is_same else None
            return None if earlier is None else run_of(earlier, texts)

    def _get(self, run_id: str) -> Run:
        with self._database.read() as statements:
            return run_of(self._find_known(statements, run_id), self._database.texts)

    def _select(self, query: str, values: Sequence[Cell] | Mapping[str, Cell]) -> Sequence[Any]:
        with self._database.read() as statements:
            return statements.execute(query, values).fetchall()

    def _delete(self, run_ids: Sequence[str]) -> int:
        wanted = iter(run_ids)
        count = 0
        with self._database.write() as statements:
            while some := [self._bind(run_id) for run_id in islice(wanted, _DELETED_AT_ONCE)]:
                count += _delete(statements, some, self._database.locking)
        return count

    def _change(
        self,
        run_id: str,
        rule: Callable[[Run], _Changed],
        *,
        columns: str = _WHOLE,
        durable: bool = False,
        is_idempotent: bool = True,
    ) -> _Changed:
        """Apply the rule while nobody else can change the run, and return what it made of it."""
        change = partial(self._change_once, run_id, rule, columns, durable=durable)
        return again(change, is_idempotent=is_idempotent)

    def _change_once(
        self, run_id: str, rule: Callable[[Run], _Changed], columns: str, *, durable: bool
    ) -> _Changed:
        texts = self._database.texts
        with self._database.write(durable=durable) as statements:
            row = self._find_known(statements, run_id, columns, self._database.locking)
            run = run_of(row, texts)
            changed = rule(run)
            if changed is not None and changed is not run:
                update(statements, run, changed, row["number"], texts)
        return changed

    def _bind(self, text: str | None) -> Cell:
        return self._database.texts.bind(text)

    def _find_known(
        self, statements: Statements, run_id: str, columns: str = _WHOLE, locking: str = ""
    ) -> dict[str, Any]:
        found = self._find(statements, "id", run_id, columns, locking)
        if found is None:
            raise RunNotFoundError(run_id)
        return found

    def _find(
        self,
        statements: Statements,
        column: str,
        value: str | None,
        columns: str = _WHOLE,
        locking: str = "",
    ) -> dict[str, Any] | None:
        tables = "runs" if columns == _LISTED else "runs JOIN payloads USING (number)"
        row = statements.execute(
            f"SELECT runs.number, {columns} FROM {tables} WHERE {column} = ? {locking}",  # noqa: S608 - our own words
            [self._bind(value)],
        ).fetchone()
        return None if row is None else dict(row)


def _delete(statements: Statements, run_ids: Sequence[Cell], locking: str) -> int:
    ended = statements.execute(
        f"SELECT number FROM runs WHERE id IN ({_places(run_ids)}) AND status IN ({_ENDED}) "  # noqa: S608 - our own words
        f"ORDER BY id {locking}",
        run_ids,
    ).fetchall()
    numbers: list[Cell] = [row["number"] for row in ended]
    if numbers:
        for table in ("payloads", "runs"):
            statements.execute(
                f"DELETE FROM {table} WHERE number IN ({_places(numbers)})",  # noqa: S608 - our own words
                numbers,
            )
    return len(numbers)


def _places(values: Sequence[Cell]) -> str:
    return ", ".join("?" * len(values))

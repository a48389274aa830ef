"""What is done to many runs at once in a database that speaks SQL: one transaction for all."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from synapse_core.errors import ConflictError, LeaseLostError
from synapse_core.model.run import Run, RunEnd, RunStatus
from synapse_core.runs.store import lifecycle
from synapse_core.runs.store.changing import again, insert, update
from synapse_core.runs.store.database import Database, Statements
from synapse_core.runs.store.rows import COLUMNS, PAYLOAD, run_of

__all__ = ["SqlManyRuns"]

_ASKED_AT_ONCE = 500
"""Every database takes so many values in one statement."""

_WHOLE = ", ".join(["runs.number", *(f"runs.{column}" for column in COLUMNS), *PAYLOAD])


class SqlManyRuns:
    """Implements `ManyRuns` on any `Database`.

    Args:
        database: Where the runs are kept.
        clock: Tells the Unix time.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def create(self, runs: Sequence[Run]) -> None:
        """Add pending runs, all or none."""
        for run in runs:
            lifecycle.check_new(run)
        # Trying again where it is not known whether they were kept would find their ids taken.
        again(partial(self._create, runs), is_idempotent=False)

    def get(self, run_ids: Sequence[str]) -> list[Run]:
        """Return the runs in this order, without those that are unknown."""
        return again(partial(self._get, run_ids))

    def statuses(self, run_ids: Sequence[str]) -> dict[str, RunStatus]:
        """Return how the runs stand, without those that are unknown."""
        return again(partial(self._statuses, run_ids))

    def claim(self, run_ids: Sequence[str], *, owner: str, lease_s: float) -> list[Run]:
        """Own those of the runs that are pending, in this order; they begin later."""
        rule = partial(lifecycle.claim_ahead, owner=owner, lease_s=lease_s, now=self._clock())
        change = partial(self._change, run_ids, rule, durable=False)
        # Trying again where it is not known whether they were claimed would find them taken.
        return again(change, is_idempotent=False)

    def release(self, run_ids: Sequence[str], *, expected_owner: str) -> list[str]:
        """Make runs pending again that were claimed ahead; return their ids."""

        def rule(run: Run) -> Run | None:
            has_begun = run.started_at is not None
            return None if has_begun else lifecycle.release(run, expected_owner=expected_owner)

        change = partial(self._change, run_ids, rule, durable=False)
        return [run.id for run in again(change, is_idempotent=False)]

    def finish(self, ends: Sequence[RunEnd], *, owner: str) -> list[Run]:
        """End the owner's runs, also over a power failure, and return them."""
        end_of, now = {end.run_id: end for end in ends}, self._clock()

        def rule(run: Run) -> Run | None:
            end = end_of[run.id]
            with suppress(LeaseLostError):  # somebody else says what becomes of it
                return lifecycle.finish(
                    run,
                    end.outcome,
                    owner=owner,
                    summary=end.summary,
                    started_at=end.started_at,
                    now=now,
                )
            return None

        return again(partial(self._change, tuple(end_of), rule, durable=True))

    def _create(self, runs: Sequence[Run]) -> None:
        with self._database.write() as statements:
            for run in runs:
                if not insert(statements, run, self._database.texts):
                    raise ConflictError(
                        f"There already is a run {run.id}, or one with its key.",
                        hint="Take new ids; none of the runs was added.",
                        run_id=run.id,
                    )

    def _get(self, run_ids: Sequence[str]) -> list[Run]:
        with self._database.read() as statements:
            return [run for run, _ in self._select(statements, run_ids)]

    def _statuses(self, run_ids: Sequence[str]) -> dict[str, RunStatus]:
        texts = self._database.texts
        with self._database.read() as statements:
            rows = self._rows(statements, run_ids, "SELECT id, status FROM runs")
            return {texts.read(row["id"]) or "": RunStatus(row["status"]) for row in rows}

    def _change(
        self, run_ids: Sequence[str], rule: Callable[[Run], Run | None], *, durable: bool
    ) -> list[Run]:
        """Apply the rule to each run, and return those of which it made something."""
        texts, kept = self._database.texts, list[Run]()
        with self._database.write(durable=durable) as statements:
            for run, number in self._select(statements, run_ids, self._database.locking):
                changed = rule(run)
                if changed is not None:
                    kept.append(changed)
                    if changed is not run:
                        update(statements, run, changed, number, texts)
        return kept

    def _select(
        self, statements: Statements, run_ids: Sequence[str], locking: str = ""
    ) -> list[tuple[Run, int]]:
        query = f"SELECT {_WHOLE} FROM runs JOIN payloads USING (number)"  # noqa: S608 - our own words
        rows = [dict(row) for row in self._rows(statements, run_ids, query, locking)]
        found = [(run_of(row, self._database.texts), int(row["number"])) for row in rows]
        place = {run_id: index for index, run_id in enumerate(run_ids)}
        return sorted(found, key=lambda pair: place[pair[0].id])

    def _rows(
        self, statements: Statements, run_ids: Sequence[str], query: str, locking: str = ""
    ) -> Iterator[Any]:
        # In one order, so that two who change many at once never wait for each other.
        wanted = [self._database.texts.bind(run_id) for run_id in sorted(set(run_ids))]
        for start in range(0, len(wanted), _ASKED_AT_ONCE):
            some = wanted[start : start + _ASKED_AT_ONCE]
            places = ", ".join("?" * len(some))
            where = f"WHERE id IN ({places}) ORDER BY id {locking}"
            yield from statements.execute(f"{query} {where}", some).fetchall()

"""A run store for tests and for runs that nobody asks about later."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import TypeVar

from synapse_core.errors import ConflictError, InvalidInputError, RunNotFoundError
from synapse_core.model.run import Outcome, Page, Run, RunFilter, RunSummary
from synapse_core.runs.store import lifecycle
from synapse_core.runs.store.list_cursor import Place, format_place, parse_place

__all__ = ["MemoryRunStore"]

_Changed = TypeVar("_Changed", Run, Run | None)


class MemoryRunStore:
    """Implements `RunStore` within this process; what it holds ends with it.

    Args:
        clock: Tells the Unix time.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._numbers: dict[str, int] = {}
        self._made = 0

    def create(self, run: Run) -> Run:
        """Add a pending run; with an idempotency key already used, return the earlier run."""
        lifecycle.check_new(run)
        with self._lock:
            earlier = self._find_key(run.idempotency_key)
            if earlier is not None:
                return deepcopy(earlier)
            if run.id in self._runs:
                raise ConflictError(
                    f"There already is a run {run.id}.", hint="Take a new id.", run_id=run.id
                )
            self._made += 1
            self._runs[run.id] = deepcopy(run)
            self._numbers[run.id] = self._made
            return deepcopy(run)

    def get(self, run_id: str) -> Run:
        """Return the run."""
        with self._lock:
            return deepcopy(self._find(run_id))

    def list(self, where: RunFilter, *, limit: int = 50, cursor: str | None = None) -> Page[Run]:
        """Return runs that match, newest first, without params, result and env."""
        if limit < 1:
            raise InvalidInputError(f"limit is {limit}.", hint="Ask for one run or more.")
        before = parse_place(where, cursor) if cursor is not None else None
        with self._lock:
            matching = sorted(
                (
                    run
                    for run in self._runs.values()
                    if _matches(run, where) and (before is None or self._place(run) < before)
                ),
                key=self._place,
                reverse=True,
            )
            page = matching[:limit]
            more = format_place(where, self._place(page[-1])) if len(matching) > limit else None
            return Page(tuple(_without_payload(run) for run in page), more)

    def claim(self, run_id: str, *, owner: str, lease_s: float) -> Run | None:
        """Move a pending run to running; None for every caller but one."""
        return self._change(
            run_id, partial(lifecycle.claim, owner=owner, lease_s=lease_s, now=self._clock())
        )

    def heartbeat(
        self, run_id: str, *, owner: str, lease_s: float, summary: RunSummary | None = None
    ) -> Run:
        """Extend the owner's lease and return the run, without params, result and env."""
        beaten = self._change(
            run_id,
            partial(
                lifecycle.heartbeat,
                owner=owner,
                lease_s=lease_s,
                summary=summary,
                now=self._clock(),
            ),
        )
        return _without_payload(beaten)

    def begin_attempt(self, run_id: str, *, owner: str, attempt: int) -> None:
        """Record that the owner starts another attempt."""
        rule = partial(lifecycle.begin_attempt, owner=owner, attempt=attempt, now=self._clock())
        self._change(run_id, rule)

    def finish(
        self,
        run_id: str,
        outcome: Outcome,
        *,
        owner: str | None,
        summary: RunSummary | None = None,
        started_at: float | None = None,
    ) -> Run:
        """End the run; one that has ended is returned unchanged."""
        return self._change(
            run_id,
            partial(
                lifecycle.finish,
                outcome=outcome,
                owner=owner,
                summary=summary,
                started_at=started_at,
                now=self._clock(),
            ),
        )

    def take_over(self, run_id: str, *, expected_owner: str, owner: str, lease_s: float) -> bool:
        """Pass a running run to the caller; False when the owner has changed."""
        rule = partial(
            lifecycle.take_over,
            expected_owner=expected_owner,
            owner=owner,
            lease_s=lease_s,
            now=self._clock(),
        )
        return self._change(run_id, rule) is not None

    def release(self, run_id: str, *, expected_owner: str) -> bool:
        """Make a running run pending again; False when it may not be made so."""
        rule = partial(lifecycle.release, expected_owner=expected_owner)
        return self._change(run_id, rule) is not None

    def request_cancel(self, run_id: str, *, force: bool = False) -> Run:
        """Ask a running run to stop; end a pending one as cancelled at once."""
        return self._change(
            run_id, partial(lifecycle.request_cancel, force=force, now=self._clock())
        )

    def active(self) -> Sequence[Run]:
        """Return every pending and running run, oldest first, without params, result and env."""
        with self._lock:
            going = [run for run in self._runs.values() if not run.status.is_terminal]
            return [_without_payload(run) for run in sorted(going, key=self._place)]

    def delete(self, run_ids: Iterable[str]) -> int:
        """Forget terminal runs and return how many."""
        with self._lock:
            ended = {
                run_id
                for run_id in run_ids
                if run_id in self._runs and self._runs[run_id].status.is_terminal
            }
            for run_id in ended:
                del self._runs[run_id], self._numbers[run_id]
            return len(ended)

    def _change(self, run_id: str, rule: Callable[[Run], _Changed]) -> _Changed:
        with self._lock:
            changed = rule(self._find(run_id))
            if changed is not None:
                # A copy on both sides: params and summaries are dicts, which callers go on using.
                self._runs[run_id] = deepcopy(changed)
            return deepcopy(changed)

    def _find(self, run_id: str) -> Run:
        found = self._runs.get(run_id)
        if found is None:
            raise RunNotFoundError(run_id)
        return found

    def _find_key(self, key: str | None) -> Run | None:
        if key is None:
            return None
        return next((run for run in self._runs.values() if run.idempotency_key == key), None)

    def _place(self, run: Run) -> Place:
        return run.created_at, self._numbers[run.id]


def _matches(run: Run, where: RunFilter) -> bool:
    return (
        run.parent_id == where.parent_id
        and (not where.statuses or run.status in where.statuses)
        and where.plugin in {None, run.plugin}
        and where.action in {None, run.action}
        and (where.since is None or run.created_at >= where.since)
        and (where.until is None or run.created_at < where.until)
    )


def _without_payload(run: Run) -> Run:
    return deepcopy(replace(run, params={}, result=None, env={}))

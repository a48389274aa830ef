"""Stores in databases behave as the one in memory does, whatever is done to both."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from synapse_core.errors import SynapseError
from synapse_core.model.run import Outcome, RunFilter, RunStatus, RunSummary
from synapse_core.ports import RunStore
from synapse_core.runs.store.memory import MemoryRunStore
from synapse_core.runs.store.postgres import PostgresRunStore
from synapse_core.runs.store.sql import SqlRunStore
from synapse_core.runs.store.sqlite import SqliteRunStore
from synapse_core.testing.contracts.runs import ALL, FAILURE, SUCCESS, SUMMARY, a_run
from tests.postgres import connect, postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]

NUMBERS = st.integers(0, 4)
OWNERS = st.sampled_from(["one", "two"])
NAMES = st.sampled_from(["a", "b"])
MAYBE = {"plugin": st.none() | NAMES, "action": st.none() | NAMES}
TIMES = st.none() | st.integers(0, 4).map(lambda number: a_run(number).created_at)
OUTCOMES = st.sampled_from([SUCCESS, FAILURE, Outcome(RunStatus.CANCELLED)])


class StoresAgree(RuleBasedStateMachine):
    """Does the same to both stores, which share a clock, and compares what they answer.

    Args:
        open_store: Opens an empty store that tells the time by the clock.
    """

    def __init__(self, open_store: Callable[[Callable[[], float]], SqlRunStore]) -> None:
        super().__init__()
        self.now = 1e9
        self.sql = open_store(lambda: self.now)
        self.memory = MemoryRunStore(clock=lambda: self.now)

    def teardown(self) -> None:
        self.sql.close()

    def both(self, call: Callable[[RunStore], object]) -> None:
        self.now += 1
        assert answer(call, self.sql) == answer(call, self.memory)

    @initialize(number=NUMBERS)
    def begin(self, number: int) -> None:
        self.both(lambda store: store.create(a_run(number)))

    @rule(
        number=NUMBERS,
        instant=NUMBERS,
        plugin=NAMES,
        action=NAMES,
        key=st.none() | st.sampled_from(["k", "l"]),
    )
    def create(self, number: int, instant: int, plugin: str, action: str, key: str | None) -> None:
        run = a_run(
            number,
            plugin=plugin,
            action=action,
            idempotency_key=key,
            created_at=a_run(instant).created_at,
            params={"number": number},
        )
        self.both(lambda store: store.create(run))

    @rule(number=NUMBERS, owner=OWNERS)
    def claim(self, number: int, owner: str) -> None:
        self.both(lambda store: store.claim(a_run(number).id, owner=owner, lease_s=9))

    @rule(number=NUMBERS, owner=OWNERS, summary=st.sampled_from([None, SUMMARY, RunSummary()]))
    def heartbeat(self, number: int, owner: str, summary: RunSummary | None) -> None:
        self.both(
            lambda store: store.heartbeat(a_run(number).id, owner=owner, lease_s=5, summary=summary)
        )

    @rule(number=NUMBERS, owner=OWNERS, attempt=st.integers(1, 4))
    def begin_attempt(self, number: int, owner: str, attempt: int) -> None:
        self.both(lambda store: store.begin_attempt(a_run(number).id, owner=owner, attempt=attempt))

    @rule(
        number=NUMBERS,
        owner=st.none() | OWNERS,
        outcome=OUTCOMES,
        summary=st.sampled_from([None, SUMMARY]),
    )
    def finish(
        self, number: int, owner: str | None, outcome: Outcome, summary: RunSummary | None
    ) -> None:
        self.both(
            lambda store: store.finish(a_run(number).id, outcome, owner=owner, summary=summary)
        )

    @rule(number=NUMBERS, expected=OWNERS, owner=OWNERS)
    def take_over(self, number: int, expected: str, owner: str) -> None:
        self.both(
            lambda store: store.take_over(
                a_run(number).id, expected_owner=expected, owner=owner, lease_s=3
            )
        )

    @rule(number=NUMBERS, expected=OWNERS)
    def release(self, number: int, expected: str) -> None:
        self.both(lambda store: store.release(a_run(number).id, expected_owner=expected))

    @rule(number=NUMBERS, force=st.booleans())
    def request_cancel(self, number: int, *, force: bool) -> None:
        self.both(lambda store: store.request_cancel(a_run(number).id, force=force))

    @rule(numbers=st.lists(NUMBERS, max_size=4))
    def delete(self, numbers: list[int]) -> None:
        self.both(lambda store: store.delete(a_run(number).id for number in numbers))

    @rule(
        where=st.builds(
            RunFilter,
            statuses=st.frozensets(st.sampled_from(RunStatus)),
            since=TIMES,
            until=TIMES,
            **MAYBE,
        ),
        limit=st.integers(1, 3),
    )
    def list(self, where: RunFilter, limit: int) -> None:
        self.both(lambda store: pages(store, where, limit))

    @invariant()
    def same_runs(self) -> None:
        listed = self.memory.list(ALL).items
        assert self.sql.list(ALL).items == listed
        assert self.sql.active() == self.memory.active()
        for run in listed:
            assert self.sql.get(run.id) == self.memory.get(run.id)
            assert replace(self.sql.get(run.id), params={}, env={}, result=None) == run


def answer(call: Callable[[RunStore], object], store: RunStore) -> object:
    """Return what the store answers, or which error with which words."""
    try:
        return call(store)
    except SynapseError as error:
        return type(error), str(error), error.data


def pages(store: RunStore, where: RunFilter, limit: int) -> object:
    seen: list[object] = []
    cursor = None
    while True:
        page = store.list(where, limit=limit, cursor=cursor)
        seen.append([run.id for run in page.items])
        cursor = page.next_cursor
        if cursor is None:
            return seen


def check_agreement(
    open_store: Callable[[Callable[[], float]], SqlRunStore], examples: int
) -> None:
    class Agree(StoresAgree):
        def __init__(self) -> None:
            super().__init__(open_store)

    run_state_machine_as_test(
        Agree, settings=settings(max_examples=examples, stateful_step_count=30)
    )


def test_sqlite_does_what_the_memory_does(tmp_path: Path) -> None:
    numbers = count()

    def open_store(clock: Callable[[], float]) -> SqlRunStore:
        return SqliteRunStore(tmp_path / f"{next(numbers)}.db", clock=clock)

    check_agreement(open_store, 20)


@pytest.mark.xdist_group("postgres")
def test_postgresql_does_what_the_memory_does(postgres_url: str) -> None:
    def open_store(clock: Callable[[], float]) -> SqlRunStore:
        store = PostgresRunStore(postgres_url, clock=clock)
        store.active()
        with connect(postgres_url) as connection:
            connection.execute(b"TRUNCATE runs, payloads")
        return store

    check_agreement(open_store, 5)

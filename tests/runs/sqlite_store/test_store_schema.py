"""Versions of the schema, and that no list follows the size of the store."""

from pathlib import Path

import pytest

from synapse_core.errors import StoreUnavailableError
from synapse_core.model.run import RunFilter, RunStatus
from synapse_core.runs.store.listing import select_page
from synapse_core.runs.store.sqlite_connections import SqliteTexts
from synapse_core.runs.store.sqlite_schema import SCHEMA_VERSION
from synapse_core.testing.contracts.runs import a_run, start
from tests.runs.sqlite_store.looking import OpenStore, raw


def test_a_newer_schema_is_told_and_left(path: Path, open_store: OpenStore) -> None:
    store = open_store()
    store.create(a_run())
    store.close()
    with raw(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")

    with pytest.raises(StoreUnavailableError, match=f"schema {SCHEMA_VERSION + 1}") as caught:
        open_store().get(a_run().id)
    assert "upgrade" in caught.value.hint
    with raw(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(
            "spec = json_set(spec, '$.new', 1, '$.retry.new', 2), "
            'summary = \'{"seq": 0, "new": 3, "progress": {}, "artifacts": {}}\'',
            id="later",
        ),
        pytest.param("spec = json_remove(spec, '$.resources.custom')", id="earlier"),
    ],
)
def test_a_run_that_another_version_wrote_is_read(
    path: Path, open_store: OpenStore, changed: str
) -> None:
    store = open_store()
    run = start(store)
    with raw(path) as connection:
        connection.execute(f"UPDATE runs SET {changed}")  # noqa: S608 - our own words

    assert store.get(run.id) == run


@pytest.mark.parametrize("before", [None, (1e9, 5)])
@pytest.mark.parametrize(
    "where",
    [
        RunFilter(),
        RunFilter(statuses=frozenset({RunStatus.FAILED})),
        RunFilter(plugin="p"),
        RunFilter(action="a"),
        RunFilter(plugin="p", action="a"),
        RunFilter(plugin="p", statuses=frozenset({RunStatus.FAILED, RunStatus.CANCELLED})),
        RunFilter(since=1.0, until=2e9),
        RunFilter(plugin="p", action="a", since=1.0),
        RunFilter(parent_id="r"),
        RunFilter(parent_id="r", statuses=frozenset({RunStatus.FAILED})),
    ],
)
def test_every_list_walks_an_index_in_order(
    path: Path, open_store: OpenStore, where: RunFilter, before: tuple[float, int] | None
) -> None:
    open_store().create(a_run())
    query, values = select_page("runs.id", where, before, 50, SqliteTexts())
    with raw(path) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()

    searches = [(parent, step) for _, parent, _, step in plan if "USING COVERING INDEX" in step]
    sorted_in = {parent for _, parent, _, step in plan if "B-TREE" in step}
    equal = 2 + (where.plugin is not None) + (where.action is not None)
    assert len(searches) == len(where.statuses or RunStatus)
    for parent, step in searches:
        assert step.startswith("SEARCH runs"), step
        assert step.count("=?") == equal, step
        assert parent not in sorted_in, plan
    assert not any(step.startswith("SCAN runs") for *_, step in plan), plan


def test_the_active_runs_are_found_by_an_index(path: Path, open_store: OpenStore) -> None:
    open_store().create(a_run())
    with raw(path) as connection:
        plan = str(
            connection.execute(
                "EXPLAIN QUERY PLAN SELECT * FROM runs WHERE status IN ('pending', 'running') "
                "ORDER BY created_at, number"
            ).fetchall()
        )

    assert "SEARCH runs USING INDEX" in plan

"""What every `RunStore` must do about its list."""

from dataclasses import replace

import pytest

from synapse_core.errors import CursorError, InvalidInputError
from synapse_core.model.run import RunFilter, RunKind, RunStatus
from synapse_core.ports import RunStore
from synapse_core.testing.contracts.runs import ALL, MINE, SUCCESS, SUMMARY, a_run, start, walk

__all__ = ["ListingContract"]


class ListingContract:
    """Pages of runs, by filter."""

    def test_the_newest_run_comes_first(self, store: RunStore) -> None:
        for number in (2, 1, 3):
            store.create(a_run(number))

        assert [run.id for run in store.list(ALL).items] == [a_run(n).id for n in (3, 2, 1)]

    def test_listed_runs_carry_nothing_without_bound(self, store: RunStore) -> None:
        run = start(store, a_run(params={"a": 1}, env={"A": "1"}))
        ended = store.finish(run.id, SUCCESS, owner=MINE, summary=SUMMARY)
        (listed,) = store.list(ALL).items

        assert listed == replace(ended, params={}, env={}, result=None)

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            (RunFilter(), "543210"),
            (RunFilter(statuses=frozenset(RunStatus)), "543210"),
            (RunFilter(statuses=frozenset({RunStatus.RUNNING})), "41"),
            (RunFilter(statuses=frozenset({RunStatus.RUNNING, RunStatus.CANCELLED})), "4210"),
            (RunFilter(statuses=frozenset({RunStatus.SKIPPED})), ""),
            (RunFilter(plugin="p0"), "420"),
            (RunFilter(plugin="P0"), ""),
            (RunFilter(action="a1"), "541"),
            (RunFilter(plugin="p1", action="a1"), "51"),
            (RunFilter(plugin="p0", statuses=frozenset({RunStatus.CANCELLED})), "20"),
            (RunFilter(since=a_run(3).created_at), "543"),
            (RunFilter(until=a_run(3).created_at), "210"),
            (RunFilter(since=a_run(1).created_at, until=a_run(4).created_at, plugin="p1"), "31"),
        ],
    )
    def test_every_given_field_of_the_filter_must_match(
        self, store: RunStore, where: RunFilter, expected: str
    ) -> None:
        for number in range(6):
            run = a_run(number, plugin=f"p{number % 2}", action=f"a{number in {1, 4, 5}:d}")
            store.create(run)
        for number in (1, 4):
            store.claim(a_run(number).id, owner=MINE, lease_s=9)
        for number in (0, 2):
            store.request_cancel(a_run(number).id)

        assert [run.id for run in store.list(where).items] == [a_run(int(n)).id for n in expected]

    def test_nodes_are_listed_with_their_pipeline_only(self, store: RunStore) -> None:
        store.create(a_run(0, kind=RunKind.PIPELINE))
        store.create(a_run(1))
        for number in (2, 3, 4):
            store.create(a_run(number, parent_id=a_run(number % 2).id, node=f"n{number}"))
        store.request_cancel(a_run(4).id)
        ended = frozenset({RunStatus.CANCELLED})

        assert [run.id for run in store.list(ALL).items] == [a_run(1).id, a_run(0).id]
        nodes = store.list(RunFilter(parent_id=a_run(0).id)).items
        assert [(run.id, run.node) for run in nodes] == [(a_run(4).id, "n4"), (a_run(2).id, "n2")]
        assert store.list(RunFilter(parent_id=a_run(0).id, statuses=ended)).items == nodes[:1]
        assert len(store.active()) == 4

    @pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 100])
    def test_pages_together_are_the_whole_list(self, store: RunStore, limit: int) -> None:
        for number in range(7):
            # Several in one instant: their order must be the same on every page.
            store.create(a_run(number, created_at=1e9 + number // 3))
        whole = [run.id for run in store.list(ALL).items]

        assert walk(store, ALL, limit) == whole
        assert len(set(whole)) == 7

    def test_pages_neither_repeat_nor_lose_a_run_while_others_come_and_go(
        self, store: RunStore
    ) -> None:
        for number in range(9):
            store.create(a_run(number))
        store.request_cancel(a_run(4).id)
        seen: list[str] = []
        cursor, new = None, 100
        while True:
            page = store.list(ALL, limit=2, cursor=cursor)
            seen += [run.id for run in page.items]
            cursor, new = page.next_cursor, new + 1
            store.create(a_run(new))
            store.delete([a_run(4).id, *seen])
            if cursor is None:
                break

        assert seen == [a_run(n).id for n in (8, 7, 6, 5, 3, 2, 1, 0)]

    def test_a_cursor_belongs_to_its_filter(self, store: RunStore) -> None:
        for number in range(3):
            store.create(a_run(number))
        cursor = store.list(ALL, limit=1).next_cursor
        assert cursor is not None

        with pytest.raises(CursorError):
            store.list(RunFilter(plugin="shapes"), cursor=cursor)

    @pytest.mark.parametrize("cursor", ["", "x", "not-a-cursor", "\N{SNOWMAN}", "\udc80", "A" * 28])
    def test_what_is_no_cursor_is_refused(self, store: RunStore, cursor: str) -> None:
        with pytest.raises(CursorError):
            store.list(ALL, cursor=cursor)

    def test_a_changed_cursor_is_refused(self, store: RunStore) -> None:
        for number in range(2):
            store.create(a_run(number))
        cursor = store.list(ALL, limit=1).next_cursor
        assert cursor is not None

        for at, old in enumerate(cursor):
            changed = f"{cursor[:at]}{'A' if old != 'A' else 'B'}{cursor[at + 1 :]}"
            with pytest.raises(CursorError):
                store.list(ALL, cursor=changed)

    @pytest.mark.parametrize("limit", [0, -1])
    def test_a_page_has_room_for_a_run(self, store: RunStore, limit: int) -> None:
        with pytest.raises(InvalidInputError):
            store.list(ALL, limit=limit)

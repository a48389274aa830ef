"""What every `RunStore` must do about creating, reading and forgetting runs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from synapse_core.errors import ConflictError, InvalidInputError, RunNotFoundError
from synapse_core.model.run import Resources, RetryPolicy, RunFilter, RunKind, RunStatus
from synapse_core.ports import RunStore
from synapse_core.testing.contracts.runs import ALL, MINE, ODD_TEXTS, OTHER, SUCCESS, a_run, at_once

__all__ = ["CreatingContract"]

_CALLS: list[Callable[[RunStore], object]] = [
    lambda store: store.get("no"),
    lambda store: store.claim("no", owner=MINE, lease_s=1),
    lambda store: store.heartbeat("no", owner=MINE, lease_s=1),
    lambda store: store.begin_attempt("no", owner=MINE, attempt=2),
    lambda store: store.finish("no", SUCCESS, owner=MINE),
    lambda store: store.take_over("no", expected_owner=MINE, owner=OTHER, lease_s=1),
    lambda store: store.release("no", expected_owner=MINE),
    lambda store: store.request_cancel("no"),
]


class CreatingContract:
    """Runs come, are read, and go."""

    def test_a_run_is_read_as_it_was_created(self, store: RunStore) -> None:
        run = a_run(
            plugin_version="1.2.3",
            params={"deep": [{"a": None, "b": [1, 2.5, True, "ü\ud83d"]}], "": {}},
            executor="ray",
            env={"A": "1", "B=": ""},
            timeout_s=1.5,
            retry=RetryPolicy(3, 0.5, 3.0, 9.0),
            resources=Resources(cpus=0.5, gpus=1, memory_mb=64, custom={"fpga": 0.5}),
            rerun_of="20250101-000000-00000000",
            idempotency_key="key",
            kind=RunKind.PIPELINE,
            parent_id="20250101-000000-00000001",
            node="score[3]",
            code="0" * 32,
        )

        assert store.create(run) == run
        assert store.get(run.id) == run

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_any_text_is_kept_and_found(self, store: RunStore, text: str) -> None:
        run = a_run(id=f"i{text}", plugin=text, action=text, plugin_path=text, idempotency_key=text)
        store.create(run)
        store.create(a_run(1))

        assert store.get(run.id) == run
        assert store.create(replace(run, id="again")).id == run.id
        assert [found.id for found in store.list(RunFilter(plugin=text, action=text)).items] == [
            run.id
        ]
        assert store.claim(run.id, owner=f"o{text}", lease_s=1) is not None
        assert store.heartbeat(run.id, owner=f"o{text}", lease_s=1).owner == f"o{text}"

    def test_what_a_caller_does_to_its_values_later_changes_no_run(self, store: RunStore) -> None:
        params: dict[str, Any] = {"list": [1]}
        store.create(a_run(params=params))
        params["list"].append(2)
        read = store.get(a_run().id)
        assert isinstance(read.params["list"], list)
        read.params["list"].append(3)

        assert store.get(a_run().id).params == {"list": [1]}

    def test_a_key_already_used_returns_the_earlier_run_and_writes_nothing(
        self, store: RunStore
    ) -> None:
        first = store.create(a_run(1, idempotency_key="key", params={"a": 1}))
        again = store.create(a_run(2, idempotency_key="key", params={"a": 2}))
        same = store.create(first)

        assert again == same == first
        assert [run.id for run in store.list(ALL).items] == [first.id]

    def test_a_key_returns_the_earlier_run_as_it_is_now(self, store: RunStore) -> None:
        store.create(a_run(1, idempotency_key="key"))
        store.claim(a_run(1).id, owner=MINE, lease_s=9)
        ended = store.finish(a_run(1).id, SUCCESS, owner=MINE)

        assert store.create(a_run(2, idempotency_key="key")) == ended

    def test_an_id_is_taken_once(self, store: RunStore) -> None:
        store.create(a_run(params={"a": 1}))

        with pytest.raises(ConflictError):
            store.create(a_run(params={"a": 2}))

        assert store.get(a_run().id).params == {"a": 1}

    @pytest.mark.parametrize("status", [s for s in RunStatus if s is not RunStatus.PENDING])
    def test_only_a_pending_run_is_created(self, store: RunStore, status: RunStatus) -> None:
        with pytest.raises(InvalidInputError):
            store.create(a_run(status=status))

        assert store.list(ALL).items == ()

    def test_one_of_many_that_create_with_one_key_writes(self, store: RunStore) -> None:
        made = at_once(
            *[lambda n=n: store.create(a_run(n, idempotency_key="key")).id for n in range(8)]
        )

        assert len(set(made)) == 1
        assert [run.id for run in store.list(ALL).items] == made[:1]

    @pytest.mark.parametrize("call", _CALLS)
    def test_an_unknown_id_is_told(
        self, store: RunStore, call: Callable[[RunStore], object]
    ) -> None:
        with pytest.raises(RunNotFoundError):
            call(store)

    def test_active_runs_are_those_that_have_not_ended_oldest_first(self, store: RunStore) -> None:
        for number in (3, 1, 2, 0):
            store.create(a_run(number, params={"a": 1}, env={"A": "1"}))
        store.request_cancel(a_run(1).id)
        running = store.claim(a_run(2).id, owner=MINE, lease_s=9)
        active = store.active()

        assert [run.id for run in active] == [a_run(n).id for n in (0, 2, 3)]
        assert running is not None
        assert active[1] == replace(running, params={}, env={})

    def test_only_terminal_runs_are_forgotten(self, store: RunStore) -> None:
        for number in range(4):
            store.create(a_run(number, idempotency_key=f"k{number}"))
        store.claim(a_run(1).id, owner=MINE, lease_s=9)
        for number in (2, 3):
            store.request_cancel(a_run(number).id)
        ids = [a_run(n).id for n in range(4)]

        assert store.delete(iter([*ids, ids[2], "unknown"])) == 2
        assert store.delete(ids) == 0
        assert store.delete([]) == 0
        assert [run.id for run in store.list(ALL).items] == [ids[1], ids[0]]
        with pytest.raises(RunNotFoundError):
            store.get(ids[3])
        again = store.create(a_run(9, idempotency_key="k3"))
        assert again.id == a_run(9).id

    def test_many_runs_are_forgotten_at_once(self, store: RunStore) -> None:
        for number in range(5):
            store.request_cancel(store.create(a_run(number)).id)

        assert store.delete(f"20260101-000000-{n:08}" for n in range(3000)) == 5

"""Several processes on one PostgreSQL store."""

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import chain, product

import pytest

from synapse_core.model.run import RunFilter, RunStatus
from synapse_core.runs.store.listing import select_page
from synapse_core.runs.store.postgres import PostgresRunStore
from synapse_core.runs.store.postgres_connections import PostgresConnections, PostgresTexts
from synapse_core.testing.contracts.runs import a_run
from tests.postgres import connect
from tests.runs.scripts import run_script

pytestmark = pytest.mark.xdist_group("postgres")

_RUNS = 40
_CLAIMER = """
import json, sys
from synapse_core.runs.store.postgres import PostgresRunStore
from synapse_core.testing.contracts.runs import a_run
url, owner, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = PostgresRunStore(url)
store.active()
print("ready", flush=True)
sys.stdin.readline()
won = [n for n in range(count) if store.claim(a_run(n).id, owner=owner, lease_s=9) is not None]
print(json.dumps(won), flush=True)
"""


def test_of_claims_of_many_processes_exactly_one_wins(
    open_store: Callable[[], PostgresRunStore], postgres_url: str
) -> None:
    store = open_store()
    for number in range(_RUNS):
        store.create(a_run(number))
    claimers = [
        subprocess.Popen(
            [sys.executable, "-c", _CLAIMER, postgres_url, owner, str(_RUNS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for owner in ("a", "b", "c")
    ]
    for claimer in claimers:
        assert claimer.stdout is not None
        assert claimer.stdout.readline() == "ready\n"
    for claimer in claimers:
        assert claimer.stdin is not None
        claimer.stdin.write("go\n")
        claimer.stdin.flush()
    won: list[list[int]] = [json.loads(claimer.communicate(timeout=30)[0]) for claimer in claimers]

    assert sorted(chain.from_iterable(won)) == list(range(_RUNS))
    owners = {run.id: run.owner for run in store.active()}
    for owner, numbers in zip("abc", won, strict=True):
        assert all(owners[a_run(number).id] == owner for number in numbers)


_FORKER = """
import os, sys
from synapse_core.runs.store.postgres import PostgresRunStore
from synapse_core.testing.contracts.runs import a_run
store = PostgresRunStore(sys.argv[1])
store.create(a_run(0))
child = os.fork()
if child == 0:
    store.create(a_run(1))
    store.close()
    sys.exit()  # not _exit: all that the child holds is taken down
assert os.waitpid(child, 0)[1] == 0
assert store.get(a_run(1).id) == a_run(1)
store.create(a_run(2))
"""


def test_a_forked_process_has_connections_of_its_own(
    open_store: Callable[[], PostgresRunStore], postgres_url: str
) -> None:
    run_script(_FORKER, postgres_url)

    assert [run.id for run in open_store().active()] == [a_run(number).id for number in range(3)]


_LISTS = [
    RunFilter(),
    RunFilter(statuses=frozenset({RunStatus.FAILED})),
    RunFilter(plugin="p"),
    RunFilter(action="a"),
    RunFilter(plugin="p", action="a", since=1.0),
    RunFilter(parent_id="r"),
]


def test_every_list_walks_an_index_in_order(
    open_store: Callable[[], PostgresRunStore], postgres_url: str
) -> None:
    open_store().create(a_run())
    with connect(postgres_url) as connection:
        connection.execute(
            b"INSERT INTO runs"
            b" (id, plugin, action, status, attempt, cancel_force, created_at, spec)"
            b" SELECT 'r' || n, 'p' || n % 9, 'a' || n % 7, 'succeeded', 1, false, n, '{}'"
            b" FROM generate_series(1, 20000) AS n"
        )
        connection.execute(b"ANALYZE runs")
    database = PostgresConnections(postgres_url, answer_timeout_s=10)
    for where, before in product(_LISTS, [None, (1e9, 5)]):
        query, values = select_page("runs.id", where, before, 50, PostgresTexts())
        with database.read() as statements:
            rows = statements.execute(f"EXPLAIN (COSTS OFF) {query}", values).fetchall()
        plan = [str(row["QUERY PLAN"]) for row in rows]
        assert not any("Seq Scan on runs" in step for step in plan), "\n".join(plan)
        sorts = [step for step in plan if "Sort" in step and "Sort Key" not in step]
        assert all(step.find("Sort") < 8 for step in sorts), "\n".join(plan)
    database.close()

"""How fast a store is when it holds a million runs.

    .venv/bin/python benchmarks/store.py [--runs N] [--times N] [--folder FOLDER]
    .venv/bin/python benchmarks/store.py --url postgresql://… [--runs N] [--times N]

Fills a store, in a new SQLite file or in an empty PostgreSQL database, then measures the first page
of the list for every kind of filter, a page deep in the list, and what a run costs in writes.
Prints one JSON object. Budget: 20 ms for a first page.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from synapse_core.model.run import Outcome, Run, RunFilter, RunStatus
from synapse_core.runs.store.postgres import PostgresRunStore
from synapse_core.runs.store.postgres_connections import PostgresConnections
from synapse_core.runs.store.rows import COLUMNS, cells_of, payload_of
from synapse_core.runs.store.sql import SqlRunStore
from synapse_core.runs.store.sqlite import SqliteRunStore
from synapse_core.runs.store.sqlite_connections import SqliteConnections

Opener = Callable[[], SqlRunStore]

BUDGET_MS = 20.0
START = 1_700_000_000.0
PLUGINS, ACTIONS, RARE = 20, 7, 10_000
"""One plugin, one action and one status in ten thousand runs are rare."""


def main() -> int:
    """Measure, print, and tell by the exit code whether the budget is kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=31)
    parser.add_argument("--folder", type=Path, default=None, help="a disk to measure on")
    parser.add_argument("--url", default=None, help="an empty PostgreSQL database instead")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        bed = PostgresBed(given.url) if given.url else SqliteBed(Path(folder) / "runs.db")
        took_s = timed(lambda: bed.fill(given.runs))
        pages = {
            name: page_ms(bed.open, where, given.times)
            for name, where in filters(given.runs).items()
        }
        figures = {
            "store": type(bed).__name__.removesuffix("Bed"),
            "runs": given.runs,
            "fill_s": round(took_s, 1),
            "size_mb": round(bed.size() / 1e6),
            "first_page_ms": pages,
            "page_after_half_ms": deep_page_ms(bed.open, given.runs, given.times),
            "open_and_get_ms": median_ms(lambda: open_and_get(bed.open), given.times),
            "per_s": rates(bed.open),
        }
    slowest = max(page["median"] for page in pages.values())
    is_kept = slowest <= BUDGET_MS
    print(json.dumps({**figures, "budget_ms": BUDGET_MS, "is_kept": is_kept}, indent=2))
    return 0 if is_kept else 1


def described(number: int) -> Run:
    """Return the run of this number, of which most have succeeded."""
    is_rare = number % RARE == RARE // 2
    status = RunStatus.SUCCEEDED
    if number % 10 == 0:
        status = RunStatus.FAILED
    if is_rare:
        status = RunStatus.CANCELLED
    return Run(
        id=f"20260101-000000-{number:08}",
        plugin="rare" if is_rare else f"plugin-{number % PLUGINS}",
        action="rare" if is_rare else f"action-{number % ACTIONS}",
        entrypoint="plugin.actions:run",
        plugin_path="/home/somebody/plugins/plugin",
        params={"path": "/data/set", "epochs": 10},
        status=status,
        attempt=1,
        created_at=START + number,
        started_at=START + number + 0.1,
        finished_at=START + number + 9.0,
    )


class SqliteBed:
    """A new SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> SqlRunStore:
        """Open the store."""
        return SqliteRunStore(self._path)

    def fill(self, count: int) -> None:
        """Put ended runs into it, many in one transaction."""
        make_tables(self.open())
        connections = SqliteConnections(self._path, busy_timeout_s=5)
        places = ", ".join("?" * (len(COLUMNS) + 1))
        with connections.write() as connection:
            connection.executemany(
                f"INSERT INTO runs (number, {', '.join(COLUMNS)}) VALUES ({places})",  # noqa: S608 - our own words
                (
                    [number + 1, *cells_of(run, COLUMNS, connections.texts)]
                    for number, run in numbered(count)
                ),
            )
            connection.executemany(
                "INSERT INTO payloads (number, params, env, result) VALUES (?, ?, ?, ?)",
                ([number + 1, *payload_of(run)] for number, run in numbered(count)),
            )
        connections.close()

    def size(self) -> int:
        """Return its bytes."""
        return self._path.stat().st_size


class PostgresBed:
    """An empty database of a server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def open(self) -> SqlRunStore:
        """Open the store."""
        return PostgresRunStore(self._url)

    def fill(self, count: int) -> None:
        """Copy ended runs into it."""
        make_tables(self.open())
        texts = PostgresConnections.texts
        with psycopg.connect(self._url) as connection, connection.cursor() as cursor:
            columns = ", ".join(COLUMNS)
            with cursor.copy(f"COPY runs (number, {columns}) FROM STDIN".encode()) as copy:
                for number, run in numbered(count):
                    copy.write_row([number + 1, *cells_of(run, COLUMNS, texts)])
            with cursor.copy(b"COPY payloads (number, params, env, result) FROM STDIN") as copy:
                for number, run in numbered(count):
                    copy.write_row([number + 1, *payload_of(run)])
            cursor.execute(
                b"SELECT setval(pg_get_serial_sequence('runs', 'number'), max(number)) FROM runs"
            )
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(b"VACUUM ANALYZE")

    def size(self) -> int:
        """Return the bytes of its tables and indexes."""
        with psycopg.connect(self._url) as connection:
            row = connection.execute(
                b"SELECT pg_total_relation_size('runs') + pg_total_relation_size('payloads')"
            ).fetchone()
        assert row is not None
        return int(row[0])


def make_tables(store: SqlRunStore) -> None:
    """Make the tables, and look that nobody uses them."""
    assert not store.list(RunFilter(), limit=1).items, "the store is not empty"
    store.close()


def numbered(count: int) -> Iterator[tuple[int, Run]]:
    """Yield the runs in the order of their creation."""
    for number in range(count):
        yield number, described(number)


def filters(count: int) -> dict[str, RunFilter]:
    """Return a filter of every kind, those among them that few runs meet."""
    failed = frozenset({RunStatus.FAILED})
    middle = START + count / 2
    return {
        "all": RunFilter(),
        "status": RunFilter(statuses=failed),
        "rare status": RunFilter(statuses=frozenset({RunStatus.CANCELLED})),
        "status that none has": RunFilter(statuses=frozenset({RunStatus.RUNNING})),
        "plugin": RunFilter(plugin="plugin-3"),
        "rare plugin": RunFilter(plugin="rare"),
        "plugin that none has": RunFilter(plugin="none"),
        "action": RunFilter(action="action-3"),
        "rare action": RunFilter(action="rare"),
        "plugin and action": RunFilter(plugin="plugin-3", action="action-3"),
        "plugin and status": RunFilter(plugin="plugin-10", statuses=failed),
        "all fields": RunFilter(
            plugin="plugin-10", action="action-3", statuses=failed, since=START, until=middle
        ),
        "since": RunFilter(since=middle),
        "until": RunFilter(until=middle),
    }


def page_ms(open_store: Opener, where: RunFilter, times: int) -> dict[str, float]:
    """Return how long the first page takes: the first time in a fresh store, and the median."""
    store = open_store()
    first = timed(lambda: store.list(where)) * 1000
    median = median_ms(lambda: store.list(where), times)
    store.close()
    return {"first": round(first, 2), "median": median}


def deep_page_ms(open_store: Opener, count: int, times: int) -> float:
    """Return how long a page takes that lies behind half of the runs."""
    store = open_store()
    until = RunFilter(until=START + count / 2)
    cursor = store.list(until).next_cursor
    took = median_ms(lambda: store.list(until, cursor=cursor), times)
    store.close()
    return took


def open_and_get(open_store: Opener) -> None:
    """Do what a command does that shows one run."""
    store = open_store()
    store.get(described(5).id)
    store.close()


def rates(open_store: Opener, count: int = 2000) -> dict[str, int]:
    """Return how many runs a second one process can create, claim, beat and finish."""
    store = open_store()
    ids = [f"20270101-000000-{number:08}" for number in range(count)]
    verbs: dict[str, Callable[[str], object]] = {
        "create": lambda run_id: store.create(
            Run(
                id=run_id,
                plugin="plugin-3",
                action="run",
                entrypoint="a:b",
                plugin_path="/p",
                created_at=START * 2,
            )
        ),
        "claim": lambda run_id: store.claim(run_id, owner="bench", lease_s=15),
        "heartbeat": lambda run_id: store.heartbeat(run_id, owner="bench", lease_s=15),
        "get": store.get,
        "finish": lambda run_id: store.finish(
            run_id, Outcome(RunStatus.SUCCEEDED, {"score": 0.5}), owner="bench"
        ),
    }
    told = {name: round(count / timed(lambda v=verb: each(v, ids))) for name, verb in verbs.items()}
    store.close()
    return told


def each(verb: Callable[[str], object], ids: list[str]) -> None:
    """Call the verb for every run."""
    for run_id in ids:
        verb(run_id)


def median_ms(call: Callable[[], object], times: int) -> float:
    """Return the median of several calls, in ms."""
    return round(statistics.median(timed(call) for _ in range(times)) * 1000, 2)


def timed(call: Callable[[], object]) -> float:
    """Return how long the call takes, in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())

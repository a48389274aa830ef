"""Runs for the contracts of stores, and ways to work on them."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from synapse_core.model.run import (
    ArtifactInfo,
    Frame,
    Outcome,
    Progress,
    Run,
    RunFailure,
    RunFilter,
    RunStatus,
    RunSummary,
)
from synapse_core.ports import RunStore

__all__ = [
    "ALL",
    "FAILURE",
    "MINE",
    "ODD_TEXTS",
    "OTHER",
    "SUCCESS",
    "SUMMARY",
    "a_run",
    "at_once",
    "start",
    "walk",
]

T = TypeVar("T")

MINE, OTHER = "host:1:1", "host:2:2"
ALL = RunFilter()
SUCCESS = Outcome(RunStatus.SUCCEEDED, {"score": 0.5})
FAILURE = Outcome(
    RunStatus.FAILED,
    failure=RunFailure(
        type="ValueError",
        message="no \N{SNOWMAN} \udc80",
        hint="Give one.",
        where=Frame("/p/a.py", 3, "run", "raise"),
        traceback="Traceback …",
    ),
)
SUMMARY = RunSummary(
    seq=7,
    offset=700,
    progress={"train": Progress("train", 1.0, 4.0, 25.0, rate=0.5, eta_s=6.0, time=1.5)},
    metrics={"train": {"loss": 0.25, "best": True, "note": "x"}},
    steps={"load": "succeeded"},
    artifacts={"a/b.txt": ArtifactInfo("a/b.txt", "artifacts/a/b.txt", 3, "0" * 64, "text/plain")},
    last_message="half\nway",
    log_lines=4,
    warnings=1,
    errors=2,
)
ODD_TEXTS = [
    "",
    " ",
    "\N{SNOWMAN}",
    "'; DROP TABLE runs --",
    "nul\0in it",
    "no text \udcff",
    "%_*?",
]


def a_run(number: int = 0, **given: Any) -> Run:  # noqa: ANN401 - the fields of a run, of any type
    """Return a pending run, the later one the higher its number."""
    described: dict[str, Any] = {
        "id": f"20260101-000000-{number:08}",
        "plugin": "shapes",
        "action": "count",
        "entrypoint": "shapes.count:count",
        "plugin_path": "/plugins/shapes",
        "created_at": 1_767_225_600.0 + number,
    }
    return Run(**{**described, **given})


def start(store: RunStore, run: Run | None = None) -> Run:
    """Create the run and return it claimed."""
    created = store.create(run or a_run())
    claimed = store.claim(created.id, owner=MINE, lease_s=9)
    assert claimed is not None
    return claimed


def walk(store: RunStore, where: RunFilter, limit: int) -> list[str]:
    """Return the ids of all pages."""
    seen: list[str] = []
    cursor = None
    while True:
        page = store.list(where, limit=limit, cursor=cursor)
        assert 0 < len(page.items) <= limit
        seen += [run.id for run in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return seen


def at_once(*calls: Callable[[], T]) -> list[T]:
    """Make the calls in threads that start together, and return what each returned."""
    gate = threading.Barrier(len(calls))
    returned: dict[int, T] = {}

    def make(number: int, call: Callable[[], T]) -> None:
        gate.wait()
        returned[number] = call()

    threads = [threading.Thread(target=make, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [returned[number] for number in range(len(calls))]

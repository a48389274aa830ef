"""What a run's journal costs those who write, read and follow it.

    .venv/bin/python benchmarks/journal.py [--quick] [--folder PATH]

Prints medians as one JSON object: CPU time of this process, user and system, for what is given in
µs an event, so that a busy machine does not count; time on the clock for what is given in ms.
Budgets: 100,000 events a second appended by one worker, which is 10 µs for one of the size of a
progress report; 20 ms for the last hundred lines of a journal of 1 GB; 100 ms from a write until a
follower in another process has read it. `--quick` takes a journal of 64 MB and fewer rounds.
"""

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import EventKind
from synapse_core.model.run import RunSummary
from synapse_core.runs.captured import OutputReader
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.reading import Journals
from synapse_core.types import JSONObject

RUN = "20260101-000000-00000001"
BUDGETS = {"append_us": 10.0, "tail_ms": 20.0, "wake_ms": 100.0}
PROGRESS: JSONObject = {
    "category": "train",
    "current": 1250,
    "total": 10_000,
    "percent": 12.5,
    "rate": 37.25,
    "eta_s": 234.9,
}
LINE: JSONObject = {
    "level": "info",
    "message": "epoch 3, batch 1250 of 10000: loss 0.4832, accuracy 0.8714",
    "source": "stdout",
}


def main() -> int:
    """Measure, print, and tell by the exit code whether the budgets are kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the journals are made and removed")
    given = parser.parse_args()
    rounds, events = (3, 20_000) if given.quick else (7, 100_000)
    size = (64 << 20) if given.quick else (1 << 30)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        figures = {
            **measure_writing(Home(Path(folder) / "writing"), rounds, events),
            **measure_reading(Home(Path(folder) / "reading"), rounds, size),
            **measure_following(Home(Path(folder) / "following"), rounds * 20),
        }
    is_kept = all(figures[name] <= budget for name, budget in BUDGETS.items())
    told = {**figures, "journal_bytes": size, "budgets": BUDGETS, "is_kept": is_kept}
    print(json.dumps(told, indent=2))
    return 0 if is_kept else 1


def median_of(
    rounds: int, action: Callable[[], object], clock: Callable[[], float] = time.process_time
) -> float:
    """Return the median of the seconds that the action takes by the clock."""
    took: list[float] = []
    for _ in range(rounds):
        start = clock()
        action()
        took.append(clock() - start)
    return statistics.median(took)


def measure_writing(home: Home, rounds: int, events: int) -> dict[str, float]:
    """Return µs for one event, by what it is and who writes it."""
    home.run_dir(RUN).mkdir(parents=True)
    output = home.output(RUN)
    output.write_bytes(b"epoch 3, batch 1250 of 10000: loss 0.4832\n" * events)
    redactor = Redactor.for_environment({"API_TOKEN": "a-token-of-some-length"})
    with (
        JournalWriter.open(home.journal(RUN)) as writer,
        JournalWriter.open(home.run_dir(RUN) / "redacted.jsonl", redactor=redactor) as redacting,
    ):
        took = {
            "append_us": median_of(rounds, lambda: emit(writer, EventKind.PROGRESS, events)),
            "append_line_us": median_of(rounds, lambda: emit(writer, EventKind.LOG, events)),
            "append_redacted_us": median_of(
                rounds, lambda: emit(redacting, EventKind.PROGRESS, events)
            ),
            "append_redacted_line_us": median_of(
                rounds, lambda: emit(redacting, EventKind.LOG, events)
            ),
            "captured_line_us": median_of(
                rounds, lambda: OutputReader(output, writer, offset=0).drain()
            ),
        }
    told = {name: round(seconds / events * 1e6, 2) for name, seconds in took.items()}
    return {**told, "appended_per_s": round(events / took["append_us"])}


def emit(sink: JournalWriter, kind: EventKind, events: int) -> None:
    """Record the same event again and again."""
    data = PROGRESS if kind is EventKind.PROGRESS else LINE
    for _ in range(events):
        sink.emit(kind, data)


def measure_reading(home: Home, rounds: int, size: int) -> dict[str, float]:
    """Return ms for looks at a journal of so many bytes, and µs for an event read or folded."""
    home.run_dir(RUN).mkdir(parents=True)
    journal = home.journal(RUN)
    fill(journal, size)
    journals = Journals(home)
    end = RunSummary(offset=journal.stat().st_size)
    start = journals.read(RUN, limit=1).next_cursor
    with JournalWriter.open(journal) as writer:
        emit(writer, EventKind.LOG, 10_000)
        tail = median_of(rounds, lambda: journals.tail(RUN, 100), time.perf_counter)
        opening = median_of(rounds, lambda: reopen(journal), time.perf_counter)
        page = median_of(rounds, lambda: journals.read(RUN, after=start, limit=10_000))
        fold = median_of(rounds, lambda: journals.summarise(RUN, end))
    return {
        "tail_ms": round(tail * 1e3, 3),
        "open_to_write_ms": round(opening * 1e3, 3),
        "read_us": round(page / 10_000 * 1e6, 2),
        "fold_us": round(fold / 10_000 * 1e6, 2),
    }


def fill(journal: Path, size: int) -> None:
    """Make a journal of about so many bytes."""
    with JournalWriter.open(journal) as writer:
        emit(writer, EventKind.LOG, 10_000)
    lines = journal.read_bytes()
    with journal.open("ab") as file:
        for _ in range(size // len(lines)):
            file.write(lines)


def reopen(journal: Path) -> None:
    """Open a journal to write, as each worker does."""
    JournalWriter.open(journal).close()


def measure_following(home: Home, events: int) -> dict[str, float]:
    """Return ms from before a write until a follower in another process has the event."""
    home.run_dir(RUN).mkdir(parents=True)
    journals = Journals(home)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=write_when_told, args=(home, theirs))
    process.start()
    delays: list[float] = []
    cursor = None
    for _ in range(events):
        ours.send("write")
        while not (page := journals.read(RUN, after=cursor)).items:
            assert journals.wait(RUN, cursor, timeout_s=10)
        delays.append(time.monotonic() - float(str(page.items[0].data["at"])))
        cursor = page.next_cursor
    ours.send("leave")
    process.join()
    return {
        "wake_ms": round(statistics.median(delays) * 1e3, 3),
        "wake_worst_ms": round(max(delays) * 1e3, 3),
    }


def write_when_told(home: Home, orders: "Connection[str, str]") -> None:
    """Record the time of the write, once the follower surely waits for it."""
    with JournalWriter.open(home.journal(RUN)) as writer:
        while orders.recv() == "write":
            time.sleep(0.005)
            writer.emit(EventKind.LOG, {"at": time.monotonic()})


if __name__ == "__main__":
    sys.exit(main())

"""What a call on the context of an action costs, with a journal behind it.

    .venv/bin/python benchmarks/runtime.py [--calls N] [--rounds N]

The sink is the one of a worker: a journal on disk that takes secrets out, and captured output that
is looked at before each event. CPU time of the calling thread, system calls included: what a busy
machine adds does not count. Prints one JSON object with the median and the least cost of a call
over the rounds, in microseconds. Budget: 10 µs for each way to say something. What `logging` itself
costs, before its record comes to us, is measured too, and no part of what is ours.
"""

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from synapse_core.context import PluginEnvironment, RuntimeContext
from synapse_core.logs.redact import Redactor
from synapse_core.runs.journal import JournalWriter
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.logging_bridge import bridge_logging
from synapse_core.runtime.streams import capture_streams
from synapse_core.worker.sinks import ChildSink

BUDGET_US = 10.0
ENVIRON = {
    "API_KEY": "vendor-4f0c9a7d2e6b81359a7c",
    "DATABASE_URL": "postgres://app:correct-horse-battery@db.internal/app",
    "LOG_LEVEL": "info",
}
"""What a run is given: two secrets to look for in each text, in all their forms."""


def main() -> int:
    """Measure, print, and tell by the exit code whether the budget is kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    with worker_sink() as (sink, context):
        calls = measured_calls(context, given.calls)
        figures = {name: cost_us(call, given) for name, call in calls.items()}
        figures |= captured_costs(sink, given)
    figures |= {"logging.info, bare": bare_logging_cost(given)}
    figures["logging.info, ours"] = above(figures["logging.info"], figures["logging.info, bare"])
    budgeted = figures.keys() - {"logging.info"}
    is_kept = all(figures[name]["median"] <= BUDGET_US for name in budgeted)
    print(json.dumps({"us": figures, "budget_us": BUDGET_US, "is_kept": is_kept}, indent=2))
    return 0 if is_kept else 1


@contextmanager
def worker_sink() -> Generator[tuple[ChildSink, RuntimeContext]]:
    """Make a sink as in the process of a run, and a context on it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        output = folder / "output.log"
        output.touch()
        redactor = Redactor.for_run(ENVIRON, {"epochs": 100})
        with JournalWriter.open(folder / "journal.jsonl", redactor=redactor) as journal:
            sink = ChildSink(journal, output, offset=0)
            yield (
                sink,
                RuntimeContext(
                    sink,
                    env=PluginEnvironment(),
                    job_id="bench",
                    folder=folder,
                    cancel=CancelToken(),
                ),
            )


def measured_calls(context: RuntimeContext, calls: int) -> dict[str, Callable[[int], object]]:
    """Return what is measured on the context, by name; each takes the number of the call."""
    return {
        "set_progress, each written": lambda turn: context.set_progress(turn % 99, 100),
        "set_progress in a hot loop": lambda turn: context.set_progress(turn, calls * 100),
        "set_metrics": lambda turn: context.set_metrics({"loss": 0.5, "step": turn}, "train"),
        "logger.info": lambda turn: context.logger.info("epoch %d of %d", turn, calls),
        "log": lambda turn: context.log("epoch_done", {"epoch": turn, "loss": 0.5}),
        "log_message": lambda _: context.log_message("Training complete."),
        "check_cancelled": lambda _: context.check_cancelled(),
    }


def captured_costs(sink: ChildSink, given: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Measure what is captured: prints and the logging of libraries."""
    library = logging.getLogger("bench.library")
    with capture_streams(sink), bridge_logging(sink):
        return {
            "print of a text": cost_us(lambda turn: print(f"epoch {turn}"), given),
            "print of two values": cost_us(lambda turn: print("epoch", turn), given),
            "logging.info": cost_us(lambda turn: library.info("epoch %d", turn), given),
        }


def bare_logging_cost(given: argparse.Namespace) -> dict[str, float]:
    """Measure what Python's `logging` costs until a handler has the record."""
    library, root = logging.getLogger("bench.bare"), logging.getLogger()
    nowhere = logging.NullHandler()
    library.setLevel(logging.INFO)
    root.addHandler(nowhere)
    try:
        return cost_us(lambda turn: library.info("epoch %d", turn), given)
    finally:
        root.removeHandler(nowhere)


def above(whole: dict[str, float], part: dict[str, float]) -> dict[str, float]:
    """Return what the whole costs more than a part of it."""
    return {name: round(whole[name] - part[name], 2) for name in whole}


def cost_us(call: Callable[[int], object], given: argparse.Namespace) -> dict[str, float]:
    """Return the least and the median cost of a call, in µs."""
    took: list[float] = []
    for _ in range(given.rounds):
        started = time.thread_time()
        for turn in range(given.calls):
            call(turn)
        took.append((time.thread_time() - started) / given.calls * 1e6)
    return {"median": round(statistics.median(took), 2), "min": round(min(took), 2)}


if __name__ == "__main__":
    sys.exit(main())

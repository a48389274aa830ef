"""What a step costs beside its own work.

    .venv/bin/python benchmarks/steps.py [--steps N] [--times N]

Actions of N steps that do nothing, in this process: into a sink that keeps nothing, which leaves
what the orchestrator itself costs, and into a journal on disk. Prints one JSON object, in µs per
step. Budget: 20 µs in process.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from synapse_core.model.event import EventKind
from synapse_core.ports import EventSink
from synapse_core.runs.journal import JournalWriter
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.env import PluginEnvironment
from synapse_core.steps import BaseStep, BaseStepContext, Orchestrator, StepRegistry, StepResult
from synapse_core.types import JSONObject

BUDGET_US = 20.0


class Nowhere:
    """Implements `EventSink` and keeps nothing."""

    def emit(self, kind: EventKind, data: JSONObject) -> int:  # noqa: ARG002 - it keeps nothing
        """Do nothing."""
        return 0


class Idle(BaseStep[BaseStepContext]):
    """Does nothing."""

    def __init__(self, number: int, timeout_s: float | None) -> None:
        self._name = f"step_{number}"
        self.timeout_s = timeout_s

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def progress_weight(self) -> float:
        """Its weight."""
        return 1.0

    def execute(self, context: BaseStepContext) -> StepResult:  # noqa: ARG002 - it does nothing
        """Return at once."""
        return StepResult()


def main() -> int:
    """Measure, print, and tell by the exit code whether the budget is kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--times", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = {"in process": measure(Nowhere(), folder, given.steps, given.times)}
        figures["with a time limit"] = measure(
            Nowhere(), folder, given.steps, given.times, timeout_s=60
        )
        with JournalWriter.open(folder / "journal.jsonl") as journal:
            figures["into a journal"] = measure(journal, folder, given.steps, given.times)
    is_kept = figures["in process"]["median"] <= BUDGET_US
    told = {"us_per_step": figures, "budget_us": BUDGET_US, "is_kept": is_kept}
    print(json.dumps(told, indent=2))
    return 0 if is_kept else 1


def measure(
    sink: EventSink, folder: Path, steps: int, times: int, timeout_s: float | None = None
) -> dict[str, float]:
    """Return the median and the least time of one step, in µs."""
    took: list[float] = []
    for _ in range(times):
        context = RuntimeContext(
            sink, env=PluginEnvironment({}), job_id="bench", folder=folder, cancel=CancelToken()
        )
        registry = StepRegistry[BaseStepContext]()
        for number in range(steps):
            registry.register(Idle(number, timeout_s))
        begun = time.perf_counter()
        Orchestrator(registry, BaseStepContext(context), params="{}").execute()
        took.append((time.perf_counter() - begun) / steps * 1e6)
    return {"median": round(statistics.median(took), 1), "min": round(min(took), 1)}


if __name__ == "__main__":
    sys.exit(main())

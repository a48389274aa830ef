"""How long somebody waits for the result of an action that does nothing.

    .venv/bin/python benchmarks/runs.py [--runs N] [--colds N]

An isolated run is submitted and its result read, as a door does; beside each one, in turn, a Python
is started that does nothing, and the action is run in this process. A cold run starts the zygote
too. Wall times, since most of it is waiting for other processes: on a busy machine, look at the
least ones and at the ratio. Prints one JSON object, in milliseconds.

Budgets: an isolated run takes 40 ms or less when warm (median), and its start is answered within
200 ms.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from synapse_core.executors.zygote_door import ZygoteDoor
from synapse_core.model.run import RunStatus
from synapse_core.operations.runs import StartRun, start_run, wait_run
from synapse_core.runner import run_plugin
from synapse_core.worker.orders import StopOrder, receive_line, send_line
from synapse_core.workspace import Workspace, open_workspace

RESULT_BUDGET_MS = 40.0
START_BUDGET_MS = 200.0
PATIENCE_S = 60.0

CONFIG = """
name: Nothing
code: nothing
version: 1.0.0
actions:
  rest:
    entrypoint: nothing:rest
"""

SOURCE = """
from synapse_core import action


@action()
def rest(number: int = 1) -> int:
    return number
"""


def main() -> int:
    """Measure, print, and tell by the exit code whether the budgets are kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--colds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        plugin = write_plugin(Path(name) / "plugins")
        cold = measure_cold(Path(name), given.colds)
        with open_bench(Path(name), "warm") as workspace:
            warm = measure_warm(workspace, plugin, given.runs)
    figures = {**cold, **warm}
    medians = {what: figures[what]["median"] for what in figures}
    is_kept = (
        medians["isolated, warm"] <= RESULT_BUDGET_MS
        and medians["answer of a start, warm"] <= START_BUDGET_MS
    )
    ratio = round(medians["isolated, warm"] / medians["python -c pass"], 2)
    budgets = {"isolated, warm": RESULT_BUDGET_MS, "answer of a start, warm": START_BUDGET_MS}
    told = {"ms": figures, "isolated / python": ratio, "budget_ms": budgets, "is_kept": is_kept}
    print(json.dumps({**told, "load": os.getloadavg()[0]}, indent=2))
    return 0 if is_kept else 1


def write_plugin(root: Path) -> Path:
    """Write the plugin, of an age at which its compiled code is kept."""
    folder = root / "nothing"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    source = folder / "nothing.py"
    source.write_text(SOURCE, encoding="utf-8")
    os.utime(source, (1_000_000_000, 1_000_000_000))
    return folder


@contextmanager
def open_bench(folder: Path, name: str) -> Generator[Workspace]:
    """Open a workspace with a home and a zygote of its own, which is stopped at the end."""
    (folder / name).mkdir(mode=0o700)
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(folder / name)}
    with open_workspace(folder / name / "home", [folder / "plugins"], environ=environ) as workspace:
        yield workspace
    with ZygoteDoor(environ).connect(timeout_s=PATIENCE_S) as connection:
        send_line(connection, StopOrder())
        receive_line(connection, 100)


def measure_cold(folder: Path, count: int) -> dict[str, dict[str, float]]:
    """Measure first runs, each with a zygote and a home of its own."""
    took: list[float] = []
    for number in range(count):
        with open_bench(folder, f"cold {number}") as workspace:
            took.append(sum(run_isolated(workspace)))
    return {"isolated, first of all": spread(took)}


def measure_warm(workspace: Workspace, plugin: Path, count: int) -> dict[str, dict[str, float]]:
    """Measure runs, and in turn what they are compared with."""
    starts: list[float] = []
    results: list[float] = []
    others: dict[str, list[float]] = {"in this process": [], "python -c pass": []}
    for _ in range(3):
        run_isolated(workspace)
    for _ in range(count):
        started, waited = run_isolated(workspace)
        starts.append(started)
        results.append(started + waited)
        others["in this process"].append(ms(lambda: run_plugin(plugin, "rest", {})))
        others["python -c pass"].append(ms(start_python))
    return {
        "isolated, warm": spread(results),
        "answer of a start, warm": spread(starts),
        **{what: spread(took) for what, took in others.items()},
    }


def run_isolated(workspace: Workspace) -> tuple[float, float]:
    """Return how long it took until the start was answered, and from there to the result."""
    request = StartRun(plugin="nothing", action="rest", params={"number": 3})
    began = time.perf_counter()
    run = start_run(workspace, request)
    placed = time.perf_counter()
    ended = wait_run(workspace, run.id, timeout_s=PATIENCE_S)
    done = time.perf_counter()
    if ended.status is not RunStatus.SUCCEEDED or ended.result != request.params["number"]:
        raise RuntimeError(f"{ended.id} {ended.status}: {ended.failure}")
    return (placed - began) * 1e3, (done - placed) * 1e3


def start_python() -> None:
    """Start a Python that does nothing, and wait for its end."""
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def ms(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1e3


def spread(took: list[float]) -> dict[str, float]:
    """Return the least, the median and the 90th percentile."""
    return {
        "min": round(min(took), 2),
        "median": round(statistics.median(took), 2),
        "p90": round(sorted(took)[int(len(took) * 0.9)], 2),
    }


if __name__ == "__main__":
    sys.exit(main())

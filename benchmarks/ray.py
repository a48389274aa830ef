"""What runs on Ray cost beside Ray itself, on one cluster of this machine.

    .venv-ray/bin/python benchmarks/ray.py [--quick]

Prints one JSON object: medians in ms on the clock, and ratios that a busy machine changes little.
Budgets: a run held by a task, warm, from submitting to its result with its whole log, 60 ms; one in
a warm process, 15 ms more than a warm call of a bare actor; a job, 0.5 s more than the Jobs API
takes for `true`; many small runs in warm processes, half as many a second as bare calls.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from synapse_core.config.home import Home
from synapse_core.executors.ray import RayActorExecutor, RayJobExecutor
from synapse_core.executors.ray.cluster.places import Cluster
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.executors.ray.job.api import ENDED, JobsApi
from synapse_core.testing import MemorySink

PLUGIN = {
    "config.yaml": """\
name: Bench
code: bench
actions:
  cold: {entrypoint: "bench_actions:cold"}
  warm: {entrypoint: "bench_actions:warm", reuse: true}
""",
    "bench_actions.py": """\
from synapse_core import action


@action
def cold(ctx, number: int = 0) -> int:
    print("number", number)
    return number


@action
def warm(ctx, number: int = 0) -> int:
    print("number", number)
    return number
""",
}


def main() -> int:
    """Measure, print, and tell by the exit code whether the budgets are kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    root = Path(tempfile.mkdtemp(prefix="sray-"))
    door = DriverDoor(Home(root / "home"), os.environ, Cluster())
    try:
        started = time.perf_counter()
        door.start()
        door.up()
        up_ms = (time.perf_counter() - started) * 1000
        figures = {"cluster_up_ms": up_ms, **measure(door, root, quick=quick)}
    finally:
        door.stop(force=True)
        shutil.rmtree(root)
    figures["kept"] = all(
        (
            figures["task_run_ms"] <= 60,
            figures["warm_run_ms"] - figures["bare_actor_call_ms"] <= 15,
            figures["job_run_ms"] - figures["bare_job_ms"] <= 500,
            figures["many_per_s"] >= figures["bare_many_per_s"] / 2,
        )
    )
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}, indent=2))
    return 0 if figures["kept"] else 1


def measure(door: DriverDoor, root: Path, *, quick: bool) -> dict[str, float]:
    """Return all figures."""
    folder = root / "bench"
    folder.mkdir()
    for name, text in PLUGIN.items():
        (folder / name).write_text(text, encoding="utf-8")
    ray = connect(door)
    try:
        figures = compare(ray, door, folder, quick=quick)
    finally:
        ray.shutdown()  # while there is a cluster to leave
    figures["warm_run_over_bare_ms"] = figures["warm_run_ms"] - figures["bare_actor_call_ms"]
    figures["job_over_bare_ms"] = figures["job_run_ms"] - figures["bare_job_ms"]
    figures["many_to_bare"] = figures["many_per_s"] / figures["bare_many_per_s"]
    return figures


def compare(ray: Any, door: DriverDoor, folder: Path, *, quick: bool) -> dict[str, float]:  # noqa: ANN401 - Ray has no types that are here everywhere
    """Return what runs cost, each beside what Ray alone costs."""
    home = door.place.home.root
    rounds, jobs_rounds, many = (15, 2, 50) if quick else (60, 6, 300)
    tasks = RayActorExecutor(folder, home=home, sink=MemorySink(), num_cpus=1)
    jobs = RayJobExecutor(working_dir=folder, home=home)
    api = JobsApi(str(door.up()["dashboard_url"]), door.token())
    actor = bare_actor(ray)
    return {
        "task_run_ms": median_ms(rounds, lambda: tasks.submit("cold").result()),
        "bare_task_ms": median_ms(rounds, lambda: ray.get(bare_task(ray).remote(1))),
        "warm_run_ms": median_ms(rounds, lambda: tasks.submit("warm").result()),
        "bare_actor_call_ms": median_ms(rounds, lambda: ray.get(actor.call.remote(1))),
        "many_per_s": per_second(
            many, lambda: [run.result() for run in [tasks.submit("warm") for _ in range(many)]]
        ),
        "bare_many_per_s": per_second(
            many, lambda: ray.get([actor.call.remote(number) for number in range(many)])
        ),
        "job_run_ms": median_ms(jobs_rounds, lambda: jobs.wait(jobs.submit("cold"))),
        "bare_job_ms": median_ms(jobs_rounds, lambda: bare_job(api)),
    }


def connect(door: DriverDoor) -> Any:  # noqa: ANN401 - Ray has no types that are here everywhere
    """Return Ray itself, connected to the same cluster."""
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=door.token())
    ray = import_module("ray")
    ray.init(address=door.up()["address"], log_to_driver=False, configure_logging=False)
    return ray


_bare_tasks: list[Any] = []


def bare_task(ray: Any) -> Any:  # noqa: ANN401 - as above
    """Return a task that does nothing, exported once."""
    if not _bare_tasks:
        _bare_tasks.append(ray.remote(_same))
    return _bare_tasks[0]


def _same(number: int) -> int:
    return number


def bare_actor(ray: Any) -> Any:  # noqa: ANN401 - as above
    """Return an actor that does nothing; it takes no room from the runs."""

    class Bare:
        def call(self, number: int) -> int:
            return number

    return ray.remote(num_cpus=0)(Bare).remote()


_job_numbers = iter(range(1_000_000))


def bare_job(api: JobsApi) -> None:
    """Submit `true`, and wait for its end as closely as the API tells it."""
    job_id = f"bare-{next(_job_numbers)}"
    api.submit(job_id, "true")
    while (info := api.find(job_id)) is None or info.status not in ENDED:
        time.sleep(0.005)


def median_ms(rounds: int, call: Callable[[], object]) -> float:
    """Return the median time of a call, after two that warm up."""
    times: list[float] = []
    for number in range(rounds + 2):
        started = time.perf_counter()
        call()
        if number >= 2:
            times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def per_second(count: int, call: Callable[[], object]) -> float:
    """Return how many of `count` things a call does in a second."""
    started = time.perf_counter()
    call()
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    sys.exit(main())

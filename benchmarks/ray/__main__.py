"""What runs on Ray cost beside Ray itself, on one cluster of this machine.

    .venv-ray/bin/python benchmarks/ray [--quick]

Every figure of ours is measured in turns with that of bare Ray, so a busy machine slows down both.
Prints each budget with what it allows, and one JSON object of all figures: times in ms on the
clock, median and least, and many runs in runs a second. Ends with 1 when a budget is missed.

A small run is an action that prints one line and returns a number: it has an id, its own log on
disk with what it printed, a status that survives a power failure, and a result; it could be
cancelled and have a time limit. A bare call gives a number to a method of an actor, which returns
it; nothing is kept. As many actors are called as the cluster has cores, which is as many as there
may be warm processes. Ext4 does not give inodes that were freed within the last minutes, and looks
long for others: leave the disk alone for six minutes when many files were removed, as by tests.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bare import BareRay
from budgets import judge
from ours import Ours
from turns import in_turns, median_of

from synapse_core.config.home import Home
from synapse_core.executors.ray.cluster.places import Cluster
from synapse_core.executors.ray.driver.door import DriverDoor


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
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}, indent=2))
    return judge(figures)


def measure(door: DriverDoor, root: Path, *, quick: bool) -> dict[str, float]:
    """Return all figures."""
    bare = BareRay(door)
    ours = Ours(root / "plugins", root / "home")
    try:
        return compare(ours, bare, quick=quick)
    finally:
        ours.close()
        bare.close()  # while there is a cluster to leave


def compare(ours: Ours, bare: BareRay, *, quick: bool) -> dict[str, float]:
    """Return what runs cost, each beside what Ray alone costs."""
    rounds, firsts, jobs, batches, many = (10, 3, 3, 2, 300) if quick else (60, 7, 7, 5, 1000)
    warm = in_turns(
        rounds,
        task_run_ms=ours.run_task,
        bare_task_ms=bare.run_task,
        warm_run_ms=ours.run_warm,
        bare_actor_call_ms=bare.call,
    )
    first = in_turns(
        firsts,
        first_run_ms=ours.run_first,
        first_warm_run_ms=ours.run_first_warm,
        bare_actor_ms=bare.create,
    )
    job = in_turns(jobs, job_run_ms=ours.run_job, bare_job_ms=bare.run_job)
    ours.run_many(many // 4)  # as many processes as it takes, before the clock runs
    batch = in_turns(
        batches, many_ms=lambda: ours.run_many(many), bare_many_ms=lambda: bare.call_many(many)
    )
    return {
        **{name: value for one in (warm, first, job) for name, value in one.items()},
        "many_per_s": many * 1000 / batch["many_ms"],
        "bare_many_per_s": many * 1000 / batch["bare_many_ms"],
        "event_us": median_of(3, ours.event_us),
    }


if __name__ == "__main__":
    sys.exit(main())

"""`python -m synapse_core.executors.ray.node.warm_host HOME`: executes the runs it reads.

All of them are of one version of one plugin. A line on stdout follows the end of each. It ends with
whoever started it.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import LeaseLostError
from synapse_core.executors.ray.node.warm_run import WarmRun
from synapse_core.executors.threaded_run import LEASE_S
from synapse_core.runs.processes import this_worker
from synapse_core.runs.store.opening import open_run_store
from synapse_core.worker.isolation import adopt_orphans, die_with_parent

__all__ = ["main"]


def main() -> None:
    """Execute run after run until stdin ends."""
    die_with_parent(os.getppid())
    adopt_orphans()
    home, store = Home(Path(sys.argv[1])), None
    orders, answers = os.fdopen(os.dup(0)), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    owner = str(this_worker())
    current: list[WarmRun] = []
    signal.signal(signal.SIGUSR1, lambda _number, _frame: [run.look_now() for run in current])
    for line in orders:
        store = store or open_run_store(home)
        run = store.claim(line.strip(), owner=owner, lease_s=LEASE_S)
        if run is not None:
            warm = WarmRun(home, store, run, owner=owner, turn=threading.Lock())
            current.append(warm)
            try:
                warm.run_to_its_end()
            except LeaseLostError:
                pass  # somebody took the run for dead; what it is now is theirs to say
            finally:
                current.clear()
        os.write(answers, b"ended\n")


if __name__ == "__main__":
    main()

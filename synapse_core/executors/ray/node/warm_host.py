"""`python -m synapse_core.executors.ray.node.warm_host HOME`: executes the runs it reads.

All of them are of one version of one plugin. A line on stdin names runs, and a line on stdout
follows the end of the last of them. It ends with whoever started it.
"""

import os
import signal
import sys
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.executors.ray.node.warm_batch import WarmBatches
from synapse_core.runs.store.opening import open_run_store
from synapse_core.worker.isolation import adopt_orphans, die_with_parent

__all__ = ["main"]


def main() -> None:
    """Execute run after run until stdin ends."""
    die_with_parent(os.getppid())
    adopt_orphans()
    orders, answers = os.fdopen(os.dup(0)), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    home = Home(Path(sys.argv[1]))
    batches = WarmBatches(home, open_run_store(home))
    signal.signal(signal.SIGUSR1, lambda _number, _frame: batches.look_soon())
    for line in orders:
        batches.execute(line.split())
        os.write(answers, b"ended\n")


if __name__ == "__main__":
    main()

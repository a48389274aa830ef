"""`python -m synapse_core.executors.ray.job.main HOME RUN_ID`: what a job on a cluster executes.

It imports no Ray: the worker of the run is started as everywhere else, and this process stays as
long as it does. The job ends as the run does.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from synapse_core.config.home import Home
from synapse_core.executors.ray.job.holder import leave_with_holder
from synapse_core.executors.ray.job.stopping import heed_stop
from synapse_core.executors.ray.job.told import JobOrder
from synapse_core.executors.ray.node.launch import launch

if TYPE_CHECKING:  # see `_end`
    from synapse_core.model.run import Run

__all__ = ["main"]


def main() -> int:
    """Have the run executed, and return 0 if it succeeded."""
    home, run_id = Home(Path(sys.argv[1])), sys.argv[2]
    leave_with_holder()
    heed_stop(lambda: _find(home, run_id))
    order = JobOrder.take(home.run_dir(run_id))
    launch(str(home.root), run_id, order.plugin_path, order.environ)
    return _end(home, run_id)


def _find(home: Home, run_id: str) -> "Run":
    from synapse_core.runs.store.opening import open_run_store  # noqa: PLC0415 - see `_end`

    return open_run_store(home).get(run_id)


def _end(home: Home, run_id: str) -> int:
    """See to it that the run has ended, and return 0 if it succeeded."""
    # What this takes to import is more than all before it, and whoever waits does so for the run.
    from synapse_core.executors.ray.cluster.settling import settle  # noqa: PLC0415 - see above
    from synapse_core.model.run import RunStatus  # noqa: PLC0415 - as above
    from synapse_core.runs.store.opening import open_run_store  # noqa: PLC0415 - as above

    run = settle(open_run_store(home), home, run_id, None)
    # For whoever looks at the job in the dashboard; all the run said is in its journal.
    status = run.status if run is not None else "gone"
    print(f"Run {run_id}: {status}. Its log: synapse run logs {run_id}")  # noqa: T201 - the job's log
    return 0 if status is RunStatus.SUCCEEDED else 1


if __name__ == "__main__":
    sys.exit(main())

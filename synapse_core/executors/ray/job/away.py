"""`python -m synapse_core.executors.ray.job.away`: the process of a job that may not see the home.

What it is told stands in a variable, and the plugin in the folder it is started in, where Ray has
unpacked it. It does not import Ray, unless the action does.
"""

import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from synapse_core.config.home import Home
from synapse_core.errors import LeaseLostError, SynapseError
from synapse_core.executors.ray.cluster.settling import settle
from synapse_core.executors.ray.job.holder import leave_with_holder
from synapse_core.executors.ray.job.stopping import heed_stop
from synapse_core.executors.ray.job.told import JOB_VARIABLE, JobOrder
from synapse_core.executors.ray.node.arrival import Arrival, arrive, sees_home
from synapse_core.executors.ray.node.away_launch import Hold, Service, node_home
from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, RunFailure, RunStatus
from synapse_core.runs.away import AwayStore, open_away_store
from synapse_core.runs.endings import terminal_status
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.processes import this_worker
from synapse_core.runs.store.opening import open_run_store

__all__ = ["main"]

_LEASE_S = 60.0


def main() -> int:
    """Have the run executed, and return 0 if it succeeded."""
    leave_with_holder()
    told: dict[str, Any] = json.loads(os.environ.pop(JOB_VARIABLE))
    status = _execute(told)
    # For whoever looks at the job in the dashboard; all the run said is in its journal.
    print(f"Run {told['run_id']}: {status}. Its log: synapse run logs {told['run_id']}")  # noqa: T201 - the job's log
    return 0 if status is RunStatus.SUCCEEDED else 1


def _execute(told: dict[str, Any]) -> RunStatus | str:
    home, run_id = Home(Path(told["home"])), str(told["run_id"])
    if sees_home(told["home"], told["mark"]):
        heed_stop(lambda: open_run_store(home).get(run_id))
        order = JobOrder.take(home.run_dir(run_id))
        arrive({**told, "environ": order.environ}, _unpacked)
        run = settle(open_run_store(home), home, run_id, None)
        return run.status if run is not None else "gone"
    service = Service(str(told["service_url"]), str(told["service_token"]))
    store = open_away_store(node_home(), service.url, service.token)
    heed_stop(lambda: open_away_store(node_home(), service.url, service.token).get(run_id))
    try:
        arrive(told, _unpacked)
    except SynapseError as error:
        _fail(store, node_home(), run_id, error)
        raise
    return store.get(run_id).status


def _unpacked(order: Arrival) -> Hold:
    folder = Path.cwd() / order.name
    return lambda _: nullcontext(folder)


def _fail(store: AwayStore, home: Home, run_id: str, error: SynapseError) -> None:
    """End a run that could not begin: nobody else learns why."""
    owner = str(this_worker())
    run = store.claim(run_id, owner=owner, lease_s=_LEASE_S)
    if run is None:
        return
    failure = RunFailure(type(error).__name__, error.message, error.code, error.hint)
    outcome = Outcome(RunStatus.FAILED, failure=failure)
    try:
        with JournalWriter.open(home.journal(run_id)) as writer:
            writer.emit(EventKind.STATUS, terminal_status(outcome, run.attempt))
        store.finish(run_id, outcome, owner=owner)
    except LeaseLostError:
        return  # somebody else has it after all


if __name__ == "__main__":
    sys.exit(main())

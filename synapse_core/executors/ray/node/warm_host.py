"""The process that stays: executes the runs it is told, all of one version of one plugin."""

import signal
import socket

from synapse_core.config.home import Home
from synapse_core.executors.ray.node.warm_batch import WarmBatches
from synapse_core.runs.processes import this_worker
from synapse_core.runs.store.opening import open_run_store
from synapse_core.worker.orders import Away

__all__ = ["serve"]


def serve(connection: socket.socket, home: Home, away: Away | None) -> None:
    """Execute runs until the other side has left.

    A line of it names runs, and a line with the name of this process follows the end of the last
    of them.

    Args:
        connection: Leads to the other side.
        home: The home that has the runs; when away, that of this machine.
        away: How to reach the runs from a machine without their home; None on others.
    """
    batches = _batches(home) if away is None else _batches_away(home, away)
    signal.signal(signal.SIGUSR1, lambda _number, _frame: batches.look_soon())
    answer = f"{this_worker()}\n".encode()
    with connection.makefile(encoding="ascii") as lines:
        for line in lines:
            batches.execute(line.split())
            connection.sendall(answer)


def _batches(home: Home) -> WarmBatches:
    store = open_run_store(home)
    return WarmBatches(home, store, store.many)


def _batches_away(home: Home, away: Away) -> WarmBatches:
    # What speaks HTTP takes as long to import as all else here.
    from synapse_core.executors.ray.node.away_runs import AwayRuns  # noqa: PLC0415 - see above
    from synapse_core.runs.away import open_away_store  # noqa: PLC0415 - see above

    store = open_away_store(home, away.url, away.token)
    many = AwayRuns(store, home, away.plugin_path)
    return WarmBatches(home, store, many, is_away=True)

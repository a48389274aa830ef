"""The process that stays: executes the runs it is told, all of one version of one plugin."""

import signal
import socket

from synapse_core.config.home import Home
from synapse_core.executors.ray.node.warm_batch import WarmBatches
from synapse_core.runs.store.opening import open_run_store

__all__ = ["serve"]


def serve(connection: socket.socket, home: Home) -> None:
    """Execute runs until the other side has left.

    A line of it names runs, and a line of ours follows the end of the last of them.
    """
    store = open_run_store(home)
    batches = WarmBatches(home, store, store.many)
    signal.signal(signal.SIGUSR1, lambda _number, _frame: batches.look_soon())
    with connection.makefile(encoding="ascii") as lines:
        for line in lines:
            batches.execute(line.split())
            connection.sendall(b"ended\n")

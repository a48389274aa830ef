"""A process that stays for one run after the other, with all that a fork of the zygote has."""

import os
import select
import signal
import socket
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from synapse_core.config.home import Home
from synapse_core.errors import StorageError
from synapse_core.runs.descriptors import move_apart
from synapse_core.runs.processes import worker_of
from synapse_core.runs.unsent import find_leftovers
from synapse_core.worker.inbox import SignalInbox
from synapse_core.worker.isolation import (
    adopt_orphans,
    die_with_parent,
    kill_descendants,
    restore_signals,
)
from synapse_core.worker.orders import Away, StandingOrder

__all__ = ["load_host", "stand"]

_HOST = "synapse_core.executors.ray.node.warm_host"
"""Named like the module of an action: it stands above this floor, and is loaded for such orders."""

_LEFT: int = getattr(select, "POLLRDHUP", select.POLLHUP)
"""The other side has left, though there may be something to read that it said before."""


def load_host() -> None:
    """Import before a fork what it executes: later ones have it then."""
    import_module(_HOST)


def stand(connection: socket.socket, order: StandingOrder) -> None:
    """Keep a child that serves the connection, until the child or the other side has left.

    User code runs in the child, and may hold the interpreter: so it is this process that ends it.
    """
    adopt_orphans()
    inbox = SignalInbox(signal.SIGCHLD)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        inbox.close()
        _serve(connection, order, parent)
    name = ""
    with suppress(StorageError):  # it has ended already
        name = str(worker_of(child))
    poll = select.poll()
    poll.register(connection, _LEFT)
    poll.register(inbox, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        inbox.read()
        if connection.fileno() in ready or _has_ended(child):
            break
    kill_descendants(child)
    if order.away is not None and _has_left(connection):
        _leave_runs(Home(Path(order.home)), order.away, name)


def _has_left(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection, _LEFT)
    return bool(poll.poll(0))


def _leave_runs(home: Home, away: Away, name: str) -> None:
    """Bring home what the child said and lay down its lease, as nobody else is there who would."""
    # What speaks HTTP takes as long to import as all else here.
    from synapse_core.runs.away import open_away_store  # noqa: PLC0415 - see above

    store = open_away_store(home, away.url, away.token)
    for left in find_leftovers(home):
        if left.owner == name:
            store.leave(left.run_id, left.owner)


def _has_ended(child: int) -> bool:
    """Reap what has ended, adopted strays included, and tell whether the child is among it."""
    while (pid := os.waitpid(-1, os.WNOHANG)[0]) not in {0, child}:
        pass
    return pid == child


def _serve(connection: socket.socket, order: StandingOrder, parent: int) -> NoReturn:
    exit_code = 1
    try:
        die_with_parent(parent)
        os.setsid()
        restore_signals()
        os.environ.clear()
        os.environ.update(order.environ)
        # Where no library closes it that tidies up.
        kept = socket.socket(fileno=move_apart(connection.detach()))
        kept.setblocking(True)  # noqa: FBT003 - it takes no keyword
        serve: Callable[[socket.socket, Home, Away | None], None] = import_module(_HOST).serve
        serve(kept, Home(Path(order.home)), order.away)
        exit_code = 0
    except BaseException:  # noqa: BLE001 - the last stop before the code of its parent
        traceback.print_exc()
    finally:
        os._exit(exit_code)

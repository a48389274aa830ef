"""`python -m synapse_core.worker.zygote SOCKET`: forks supervisors from a warm process.

It has everything imported that a run needs, and never executes a plugin, opens a store or starts a
thread, so a fork of it is whole and costs a few milliseconds. Any number of doors may share it; it
holds no state, and killing it loses nothing but warmth. While runs are ordered one after the other,
one fork waits ahead of them.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import StorageError
from synapse_core.runs.processes import worker_of
from synapse_core.types import JSONObject
from synapse_core.worker.inspection import answer_inspection
from synapse_core.worker.isolation import restore_signals
from synapse_core.worker.orders import (
    MAX_ORDER_BYTES,
    InspectOrder,
    Order,
    ProvideOrder,
    RunOrder,
    StandingOrder,
    StopOrder,
    parse_order,
    receive_line,
    send_line,
)
from synapse_core.worker.spare import Spares
from synapse_core.worker.standby import Standby
from synapse_core.worker.standing import load_host, stand
from synapse_core.worker.supervisor import supervise
from synapse_core.worker.tether import Tether
from synapse_core.worker.warming import warm_up

__all__ = ["main", "serve"]

IDLE_S = 900.0
"""Without an order for so long, it leaves; the next order starts another."""

_LOOK_S = 10.0
"""Between two looks whether it is still wanted."""

ORDER_TIMEOUT_S = 5.0
"""A door writes its order at once; one that does not is not let hold up the others."""


def serve(listener: socket.socket, path: Path) -> None:
    """Answer orders until idle, told to stop, or replaced at `path`."""
    identity = _identity(path)
    _answer_orders(listener, path, identity)
    if _identity(path) == identity:
        path.unlink(missing_ok=True)


def _answer_orders(listener: socket.socket, path: Path, identity: tuple[int, int] | None) -> None:
    spares = Spares(lambda body: _fork(body, listener), _supervise)
    served_at = time.monotonic()
    # Unlike an epoll instance, this is no descriptor that every fork of this process would hold.
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while time.monotonic() - served_at < IDLE_S and _identity(path) == identity:
        if not poll.poll(_LOOK_S * 1000):
            spares.look()
            continue
        served_at = time.monotonic()
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(ORDER_TIMEOUT_S)
            order = _receive(connection)
            if isinstance(order, StopOrder):
                _acknowledge(connection)
                return
            _load_what_reaches_store(order)
            _answer(order, connection, listener, spares)
        if isinstance(order, RunOrder):
            spares.expect_another(order)


def _receive(connection: socket.socket) -> Order | None:
    try:
        if not _is_own_user(connection):
            return None
        line = receive_line(connection, MAX_ORDER_BYTES)
        return parse_order(line) if line else None
    except (OSError, ValueError) as error:
        print(f"Refused an order: {error}", file=sys.stderr)  # noqa: T201 - stderr is its log
        return None


def _answer(
    order: Order | None, connection: socket.socket, listener: socket.socket, spares: Spares
) -> None:
    """Carry out one order, but not that to stop."""
    match order:
        case RunOrder() if spares.hand(order, connection):
            _acknowledge(connection)
        case RunOrder(is_tethered=False):
            _fork(lambda: _supervise(order, Tether()), listener, connection)
            _acknowledge(connection)
        case RunOrder(away=None):
            _fork(lambda: _supervise(order, Tether(connection)), listener)
            _acknowledge(connection)
        case RunOrder():
            _load_what_reaches_home()
            pid = _fork(lambda: _supervise(order, Tether(connection)), listener)
            _acknowledge(connection, pid)
        case StandingOrder():
            load_host()
            if order.away is not None:
                _load_what_reaches_home()
            _fork(lambda: stand(connection, order), listener)
            _acknowledge(connection)
        case InspectOrder():
            _fork(lambda: answer_inspection(connection, order), listener)
        case ProvideOrder():
            _fork(lambda: _provide(connection, order), listener)
        case _:
            pass


def _supervise(order: RunOrder, tether: Tether, standby: Standby | None = None) -> None:
    home = Home(Path(order.home))
    supervise(
        home,
        order.run_id,
        order.environ,
        installer=order.installer,
        tether=tether,
        away=order.away,
        standby=standby,
    )


def _load_what_reaches_home() -> None:
    """Import what speaks HTTP before the fork: later ones have it then."""
    import_module("synapse_core.runs.away")


def _load_what_reaches_store(order: Order | None) -> None:
    """Import what speaks with a database before the fork: it takes ten times what a run does."""
    if isinstance(order, RunOrder) and Home(Path(order.home)).store_file.exists():
        # Where it is not installed, the worker says so.
        with contextlib.suppress(ImportError):
            import_module("synapse_core.runs.store.postgres_connections")


def _provide(connection: socket.socket, order: ProvideOrder) -> None:
    from synapse_core.worker.provision import answer_provision  # noqa: PLC0415 - few need it

    answer_provision(connection, order)


def _acknowledge(connection: socket.socket, pid: int | None = None) -> None:
    answer: JSONObject = {"ok": True}
    if pid is not None:
        with contextlib.suppress(StorageError):  # it has ended already
            answer["worker"] = str(worker_of(pid))
    try:
        send_line(connection, answer)
    except OSError as error:
        # The door left without its answer; what it ordered is under way and in the store.
        print(f"Nobody took the answer: {error}", file=sys.stderr)  # noqa: T201 - its log


def _fork(body: Callable[[], None], *inherited: socket.socket) -> int:
    """Run `body` in a new process of its own session, without the sockets it has no use for."""
    pid = os.fork()
    if pid != 0:
        return pid
    exit_code = 1
    try:
        os.setsid()
        restore_signals()
        for held in inherited:
            held.close()
        gc.enable()
        body()
        exit_code = 0
    except BaseException:  # noqa: BLE001 - the last stop before the zygote's own code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(exit_code)


def _is_own_user(connection: socket.socket) -> bool:
    """The socket's folder is closed to others already; this is the second lock on the door."""
    if sys.platform != "linux":
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    _, uid, _ = struct.unpack("3i", credentials)
    return uid == os.getuid()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def main() -> None:
    """Listen at the socket named by the one argument; leave quietly when another already does."""
    path = Path(sys.argv[1])
    # Ended supervisors need no reaping: nobody asks for their exit status.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        # The executor holds a lock while it starts a zygote, so nobody else binds meanwhile.
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(0o600)
        warm_up()
        # Objects made so far are never collected: their pages stay shared with every fork.
        gc.collect()
        gc.freeze()
        gc.disable()
        listener.listen(1024)
        # Whoever started this waits for it to end: the listening is left to a fork of its own.
        if os.fork() == 0:
            serve(listener, path)


if __name__ == "__main__":
    main()

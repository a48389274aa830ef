"""Imports a plugin in a process that is forked for nothing else, and tells what it offers."""

import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import tempfile
import traceback
from pathlib import Path
from typing import NoReturn

from synapse_core.discovery.from_imports import scan
from synapse_core.worker.inbox import SignalInbox
from synapse_core.worker.isolation import (
    adopt_orphans,
    claim_output,
    die_with_parent,
    give_way_when_memory_ends,
    kill_descendants,
    restore_signals,
)
from synapse_core.worker.orders import InspectOrder, send_line

__all__ = ["answer_inspection"]


def answer_inspection(connection: socket.socket, order: InspectOrder) -> None:
    """Scan the plugin in a child and write its answer, or how it crashed, to the connection.

    When the asker leaves, the child is killed: a hanging import outlives nobody's patience.
    """
    adopt_orphans()
    inbox = SignalInbox(signal.SIGCHLD)
    folder = tempfile.mkdtemp(prefix="synapse-inspect-")
    try:
        child = os.fork()
        if child == 0:
            _scan(connection, order, folder)
        exit_code = _watch(child, connection, inbox)
        if exit_code not in {0, None}:
            with contextlib.suppress(OSError):  # the asker has left: nobody misses the answer
                send_line(connection, {"crashed": exit_code})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _watch(child: int, connection: socket.socket, inbox: SignalInbox) -> int | None:
    """Return the child's exit code; None when the asker left first."""
    exit_code = None
    with selectors.DefaultSelector() as selector:
        # The asker says nothing more: whatever comes from it means that it has left.
        selector.register(connection, selectors.EVENT_READ)
        selector.register(inbox, selectors.EVENT_READ)
        while exit_code is None:
            ready = {key.fileobj for key, _ in selector.select()}
            inbox.read()
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid == child:
                exit_code = os.waitstatus_to_exitcode(status)
            elif connection in ready:
                break
    kill_descendants(child)
    return exit_code


def _scan(connection: socket.socket, order: InspectOrder, folder: str) -> NoReturn:
    exit_code = 1
    try:
        supervisor = os.getppid()
        os.setsid()
        die_with_parent(supervisor)
        restore_signals()
        give_way_when_memory_ends()
        claim_output(Path(os.devnull))
        os.environ.clear()
        os.environ.update(order.environ)
        os.chdir(folder)
        own = os.getpid()
        answer = json.dumps(scan(Path(order.path), order.entrypoints)).encode()
        if os.getpid() == own:  # else the plugin forked, and the fork came back this way
            connection.settimeout(None)
            connection.sendall(answer + b"\n")
        exit_code = 0
    except BaseException:  # noqa: BLE001 - told by the exit code; a fork never returns
        traceback.print_exc()
    finally:
        os._exit(exit_code)

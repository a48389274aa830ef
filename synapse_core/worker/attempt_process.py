"""The process of an attempt, forked when it is needed or ahead of that."""

import contextlib
import os
import pickle
import select
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn, Protocol, Self

from synapse_core.runs.inotify import borrow_instance
from synapse_core.worker.child import Assignment, execute, set_apart
from synapse_core.worker.warming import rehearse

__all__ = ["AttemptProcess", "Closes"]

_HANDING_S = 1.0
"""An assignment goes into the buffer of the socket at once, unless its params are huge."""

_SIZE_BYTES = 8


class Closes(Protocol):
    """What holds something that a fork has no use for."""

    def close(self) -> None:
        """Let go of it."""
        ...


class AttemptProcess:
    """A process that executes one attempt, as the supervisor that forked it holds it.

    Attributes:
        pid: Its process id, and that of its session.
        control: Where it is asked to stop; its end tells that the supervisor is gone.
        status: Read end of the pipe on which it tells what is on record; never blocks.
        is_waiting: Whether it has no assignment yet.
    """

    def __init__(
        self,
        pid: int,
        control: socket.socket,
        status: int,
        watching: int | None,
        *,
        is_waiting: bool,
    ) -> None:
        self.pid = pid
        self.is_waiting = is_waiting
        self.control = control
        self.status = status
        self._watching = watching

    @classmethod
    def fork(cls, assignment: Assignment | None, let_go: Sequence[Closes] = ()) -> Self:
        """Fork it.

        Args:
            assignment: What it executes; None when it is to wait for that, and to get as far as
                it can without.
            let_go: What it has no use for.
        """
        # Held here though only the fork reads it: the kernel takes up to 20 ms to close the last
        # descriptor of a watch, and nobody waits for the end of this process.
        watching = _borrow_instance()
        control, its_control = socket.socketpair()
        status, its_status = os.pipe()
        supervisor = os.getpid()
        pid = os.fork()
        if pid == 0:
            control.close()
            os.close(status)
            for held in let_go:
                held.close()
            _live(assignment, supervisor, its_control, its_status, watching)
        its_control.close()
        os.close(its_status)
        os.set_blocking(status, False)
        return cls(pid, control, status, watching, is_waiting=assignment is None)

    def assign(self, assignment: Assignment) -> bool:
        """Have a process that waits execute an attempt; False when it cannot, and is gone."""
        self.is_waiting = False
        told = pickle.dumps(assignment)
        self.control.settimeout(_HANDING_S)
        try:
            self.control.sendall(len(told).to_bytes(_SIZE_BYTES, "big") + told)
        except OSError:
            self._end()
            return False
        self.control.setblocking(True)  # noqa: FBT003 - it takes no keyword
        return True

    def dismiss(self) -> None:
        """End a process that waits, and let go of what leads to it."""
        self._end()
        self.close()

    def ask(self, word: str) -> None:
        """Ask it to stop, and tell why."""
        with contextlib.suppress(ConnectionError):  # it has just ended by itself
            self.control.sendall(word.encode() + b"\n")

    def close(self) -> None:
        """Let go of what leads to it, once it is gone."""
        self.control.close()
        os.close(self.status)
        if self._watching is not None:
            os.close(self._watching)

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _borrow_instance() -> int | None:
    try:
        return borrow_instance()
    except OSError:  # not this system, or there are too many: its output is looked at instead
        return None


def _live(
    assignment: Assignment | None,
    supervisor: int,
    control: socket.socket,
    status: int,
    watching: int | None,
) -> NoReturn:
    try:
        set_apart(supervisor)
        if assignment is None:
            assignment = _wait(control)
        if assignment is not None:
            execute(assignment, control=control.detach(), status=status, watching=watching)
    except BaseException:  # noqa: BLE001 - the last stop before the supervisor's own code
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)


def _wait(control: socket.socket) -> Assignment | None:
    """Return what the process is to do; None when it is not needed."""
    if not select.select([control], [], [], 0)[0]:
        rehearse()
    size = int.from_bytes(_receive(control, _SIZE_BYTES), "big")
    told = _receive(control, size)
    return pickle.loads(told) if told else None  # noqa: S301 - the parent of this process sent it


def _receive(control: socket.socket, size: int) -> bytes:
    """Return as many bytes; none when the supervisor is gone."""
    parts: list[bytes] = []
    while size:
        part = control.recv(size)
        if not part:
            return b""
        parts.append(part)
        size -= len(part)
    return b"".join(parts)

"""A wire to a service that is cut, held up and swallows what is said, again and again."""

import contextlib
import random
import socket
import struct
import threading
from collections.abc import Generator
from enum import StrEnum

__all__ = ["Fault", "Wire", "disturbed", "wired"]

_RESETS = struct.pack("ii", 1, 0)
"""Of `SO_LINGER`: closing says that all is lost, instead of that all was said."""


class Fault(StrEnum):
    """What happens to a wire."""

    CUT = "cut"
    """Connections end in the middle of whatever is said."""
    RESET = "reset"
    """The same, and both sides are told that something was lost."""
    STALL = "stall"
    """Nothing arrives for a while; then all does."""
    SWALLOW = "swallow"
    """What is said is lost, and nobody is told so before a while has passed."""


class Wire:
    """Passes on what comes to its port, as long as it is whole.

    Args:
        port: Where the service listens.
        host: Address of this machine on which both listen.

    Attributes:
        port: Where this listens.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._to = (host, port)
        self._listener = socket.create_server((host, 0))
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self._is_swallowing = False
        self.port = int(self._listener.getsockname()[1])

    def serve(self) -> None:
        """Take connections until `close`."""
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._to)
            except OSError:
                near.close()
                continue
            with self._lock:
                self._ends |= {near, far}
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def cut(self, *, resets: bool = False) -> None:
        """End every connection, in the middle of whatever is said."""
        with self._lock:
            ends, self._ends = self._ends, set()
        for end in ends:
            with contextlib.suppress(OSError):
                if resets:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
                end.shutdown(socket.SHUT_RD if resets else socket.SHUT_RDWR)

    def stall(self) -> None:
        """Hold up what is said from now on."""
        self._flows.clear()

    def swallow(self) -> None:
        """Lose what is said from now on; new connections are made, and never answered."""
        self._is_swallowing = True

    def mend(self) -> None:
        """Pass on again what is said; a connection that has lost something is reset."""
        if self._is_swallowing:
            self._is_swallowing = False
            self.cut(resets=True)
        self._flows.set()

    def close(self) -> None:
        """Stop for good."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.mend()
        self.cut()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        has_lost = False
        with source, contextlib.suppress(OSError):
            while said := source.recv(1 << 14):
                self._flows.wait()
                has_lost = has_lost or self._is_swallowing
                if not has_lost:
                    target.sendall(said)
            if target.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESETS)) != _RESETS:
                target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def wired(url: str) -> Generator[tuple[Wire, str]]:
    """Give a wire to the service at a URL, and the URL at its near end."""
    head, _, port = url.rpartition(":")
    wire = Wire(int(port.rstrip("/")), head.rpartition("/")[2])
    thread = threading.Thread(target=wire.serve)
    thread.start()
    try:
        yield wire, f"{head}:{wire.port}"
    finally:
        wire.close()
        thread.join()


@contextlib.contextmanager
def disturbed(wire: Wire, chance: random.Random) -> Generator[list[Fault]]:
    """Disturb a wire some times a second; gives the list of what was done to it."""
    is_over = threading.Event()
    done: list[Fault] = []

    def disturb() -> None:
        pause_s = chance.uniform(0.0, 0.1)  # a pipeline without a care is through in half a second
        while not is_over.wait(pause_s):
            pause_s = chance.uniform(0.05, 0.4)
            fault = chance.choice(list(Fault))
            done.append(fault)
            match fault:
                case Fault.CUT:
                    wire.cut()
                case Fault.RESET:
                    wire.cut(resets=True)
                case Fault.STALL:
                    wire.stall()
                case Fault.SWALLOW:
                    wire.swallow()
            if fault in {Fault.STALL, Fault.SWALLOW}:
                is_over.wait(chance.uniform(0.05, 0.5))
                wire.mend()

    thread = threading.Thread(target=disturb, name="disturber")
    thread.start()
    try:
        yield done
    finally:
        is_over.set()
        thread.join()

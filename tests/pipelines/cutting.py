"""A wire to a service that somebody cuts again and again."""

import contextlib
import socket
import threading
from collections.abc import Generator

__all__ = ["Wire", "wired"]


class Wire:
    """Passes on what comes to its port, until it is cut; then it takes new connections again.

    Args:
        port: Where the service listens.

    Attributes:
        port: Where this listens.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.port = int(self._listener.getsockname()[1])

    def serve(self) -> None:
        """Take connections until `close`."""
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._ends |= {near, far}
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def cut(self) -> None:
        """Tear every connection, in the middle of whatever is said."""
        with self._lock:
            ends, self._ends = self._ends, set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop for good."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with source, contextlib.suppress(OSError):
            while said := source.recv(1 << 14):
                target.sendall(said)
            target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def wired(url: str) -> Generator[tuple[Wire, str]]:
    """Give a wire to the service at a URL, and the URL at its near end."""
    head, _, port = url.rpartition(":")
    wire = Wire(int(port.rstrip("/")))
    thread = threading.Thread(target=wire.serve)
    thread.start()
    try:
        yield wire, f"{head}:{wire.port}"
    finally:
        wire.close()
        thread.join()

"""Ties a run to the process that reserved room for it: when that ends, the run must, too."""

import socket

__all__ = ["Tether"]


class Tether:
    """One end of a connection whose other end is held by whoever the run depends on.

    Nothing is ever sent over it. The end of either process closes its end, however it dies.

    Args:
        connection: The connection; None for a run that depends on nobody.
    """

    def __init__(self, connection: socket.socket | None = None) -> None:
        self._connection = connection
        if connection is not None:
            connection.setblocking(False)  # noqa: FBT003 - it takes no keyword

    def is_cut(self) -> bool:
        """Whether the other end is gone."""
        if self._connection is None:
            return False
        try:
            return self._connection.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:  # torn off instead of closed
            return True

    def close(self) -> None:
        """Let go, in a fork that the other end must not wait for."""
        if self._connection is not None:
            self._connection.close()

    def hand_on(self) -> int | None:
        """Return a descriptor of it that stays open when this process changes its program."""
        if self._connection is None:
            return None
        self._connection.set_inheritable(True)
        return self._connection.fileno()

    @classmethod
    def taken_over(cls, descriptor: int | None) -> "Tether":
        """Return the one that `hand_on` gave to this program."""
        if descriptor is None:
            return cls()
        connection = socket.socket(fileno=descriptor)
        connection.set_inheritable(False)
        return cls(connection)

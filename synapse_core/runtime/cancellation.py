"""How a run learns that it shall stop."""

import threading

from synapse_core.errors import RunCancelledError

__all__ = ["CancelToken"]


class CancelToken:
    """Set once from any thread or signal handler, seen by all.

    `threading.Event` will not do: its `set` takes a lock, and a signal handler that calls it while
    the same thread is inside `wait` would wait for itself. Here waiters queue at a gate that `set`
    opens; opening it takes no lock.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._gate = threading.Lock()
        self._gate.acquire()
        self._closed_gates = [self._gate]

    @property
    def is_set(self) -> bool:
        """Whether somebody has asked to stop."""
        return self._is_set

    def set(self) -> None:
        """Ask to stop. Idempotent."""
        self._is_set = True
        try:
            gate = self._closed_gates.pop()  # one atomic step: only one caller opens it
        except IndexError:
            return
        gate.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Block until somebody asks to stop; tell whether it happened within `timeout` seconds.

        Use it in place of `time.sleep`: a cancelled run ends at once.
        """
        if self._is_set:
            return True
        longest = threading.TIMEOUT_MAX if timeout is None else max(0.0, timeout)
        if self._gate.acquire(timeout=min(longest, threading.TIMEOUT_MAX)):
            self._gate.release()  # for the next one who waits
        return self._is_set

    def check(self) -> None:
        """Return if nobody asked to stop.

        Raises:
            RunCancelledError: Somebody did.
        """
        if self._is_set:
            raise RunCancelledError("The run was cancelled.")

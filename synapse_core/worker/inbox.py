"""Signals as something to wait for, beside pipes and times."""

import contextlib
import select
import signal
import socket

__all__ = ["SignalInbox"]


class SignalInbox:
    """Collects the numbers of arriving signals; one per process, on its main thread.

    Args:
        numbers: Signals to collect; their default action no longer happens.
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.settimeout(0)  # never blocks
        for number in numbers:
            # A Python-level handler must exist for the number to reach the wake-up descriptor.
            signal.signal(number, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        # Whoever changed interpreters held them back until they could be collected again.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when a signal has come."""
        return self._reader.fileno()

    def read(self) -> frozenset[int]:
        """Return the signals that came since the last read; empty when there were none."""
        with contextlib.suppress(BlockingIOError):
            return frozenset(self._reader.recv(4096))
        return frozenset()

    def wait(self, timeout_s: float) -> frozenset[int]:
        """Block until a signal comes or the time is over."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        poll.poll(max(0.0, timeout_s) * 1000)
        return self.read()

    def close(self) -> None:
        """Stop collecting, without restoring what the signals did before."""
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()

"""The journal of a run on a machine that does not share the disk of its service."""

import atexit
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from synapse_core.config.home import Home
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import EventKind
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.shipping import Receiver, Shipper
from synapse_core.runs.unsent import Leftover, find_leftovers, leave_note, remove_note, set_aside
from synapse_core.types import JSONObject

__all__ = ["Leftover", "ShippedJournal", "find_leftovers", "send_leftovers"]

_GRACE_S = 5.0
"""What a process that is told to end may still take to send its last events."""


class ShippedJournal:
    """Implements `EventSink`: records events on this disk, and has them sent to a service.

    What is recorded survives the process; what was not sent is sent by `send_leftovers`. Before the
    run is finished in the store of the service, `flush` must have returned True.

    Args:
        home: Where the journal lies on this machine.
        leftover: The run, and where its events go.
        receiver: Takes them.
        redactor: Takes the secrets out of every event.
    """

    def __init__(
        self,
        home: Home,
        leftover: Leftover,
        receiver: Receiver,
        *,
        redactor: Redactor | None = None,
    ) -> None:
        self._home, self._run_id = home, leftover.run_id
        leave_note(home, leftover)
        path = home.journal(leftover.run_id)
        self._writer = JournalWriter.open(path, redactor=redactor)
        self._shipper = Shipper(path, receiver)
        self._is_closed = False

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        """Record one event and return its `seq`; it is sent soon.

        Raises:
            JournalError: It could not be recorded; nothing of it was kept.
        """
        return self._writer.emit(kind, data)

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything recorded so far has arrived; False when the time is over.

        Raises:
            SynapseError: The service refuses it for good.
        """
        return self._shipper.flush(timeout_s)

    def close(self, timeout_s: float = _GRACE_S) -> bool:
        """Send what is left, for so long; whether everything has arrived."""
        if self._is_closed:
            return True
        self._is_closed = True
        self._writer.close()
        arrived = self._shipper.close(timeout_s)
        if arrived:
            remove_note(self._home, self._run_id)
        return arrived

    def close_at_exit(self) -> None:
        """Have it closed when this process ends, by SIGTERM too; called by the main thread."""
        atexit.register(self.close)
        if threading.current_thread() is not threading.main_thread():
            return
        before = signal.getsignal(signal.SIGTERM)

        def end(number: int, _frame: FrameType | None) -> None:
            self.close()
            signal.signal(number, before if before is not None else signal.SIG_DFL)
            os.kill(os.getpid(), number)

        signal.signal(signal.SIGTERM, end)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()


def send_leftovers(
    home: Home, connect: Callable[[Leftover], Receiver], *, timeout_s: float = 60.0
) -> dict[str, bool]:
    """Send what processes that are gone left, and return for each run whether all has arrived.

    What the service refuses, because the run has been settled without it, stays on this disk and is
    not sent again.

    Args:
        home: Where the journals lie on this machine.
        connect: Returns what takes the events of a run.
        timeout_s: Seconds for each run.
    """
    sent: dict[str, bool] = {}
    for left in list(find_leftovers(home)):
        shipper = Shipper(home.journal(left.run_id), connect(left))
        arrived = shipper.close(timeout_s)
        sent[left.run_id] = arrived
        if arrived:
            remove_note(home, left.run_id)
        elif shipper.refused is not None:
            set_aside(home, left.run_id, shipper.refused)
    return sent

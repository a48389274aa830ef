"""Where the events of an attempt's process go, those of its forks included."""

import os
import threading
from collections.abc import Callable
from threading import get_ident

from synapse_core.model.event import EventKind
from synapse_core.ports import EventSink
from synapse_core.runs.captured import OutputReader
from synapse_core.runs.forwarding import ForwardedEvents, forwarded_line
from synapse_core.types import JSONObject

__all__ = ["ChildSink"]


class ChildSink:
    """Records events in the order they happened, captured output among them.

    In a fork of the process there may be no second writer of the journal: there, events travel
    through the captured output to the process that was forked.

    Args:
        journal: The run's journal.
        output: The file behind file descriptors 1 and 2.
        offset: Position in it where this attempt's part begins.
    """

    def __init__(self, journal: EventSink, output: "os.PathLike[str]", *, offset: int) -> None:
        self._journal = journal
        self._lock = threading.RLock()
        self._reader = OutputReader(output, ForwardedEvents(journal), offset=offset)
        self._reader.drain()  # which opens the file, before the action may forbid that
        self._forward_to = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._is_fork = False
        self._writing_thread: int | None = None
        self._postponed: Callable[[], None] | None = None

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        """Record one event after everything that was written to the descriptors before it."""
        if self._is_fork:
            return self._forward(kind, data)
        with self._lock:
            outer, self._writing_thread = self._writing_thread, get_ident()
            try:
                self._reader.drain()
                seq = self._journal.emit(kind, data)
            finally:
                self._writing_thread = outer
        if self._postponed is not None:
            self._run_postponed()
        return seq

    def drain(self) -> None:
        """Record what was written to the descriptors."""
        with self._lock:
            self._reader.drain()

    def finish(self) -> int:
        """Record what was written, an unfinished line too; return the position reached."""
        with self._lock:
            self._reader.finish()
            return self._reader.offset

    def interrupt(self, action: Callable[[], None]) -> None:
        """Call `action`, which raises, now or as soon as this thread is not writing an event.

        For signal handlers: an exception in the middle of a write would leave the journal's
        numbering behind what the file says.
        """
        if self._writing_thread == get_ident():
            self._postponed = action
        else:
            action()

    def forward_from_here(self) -> None:
        """Send events to the parent from now on; called in a forked process."""
        self._is_fork = True

    def _run_postponed(self) -> None:
        if self._postponed is not None and threading.current_thread() is threading.main_thread():
            action, self._postponed = self._postponed, None
            action()

    def _forward(self, kind: EventKind, data: JSONObject) -> int:
        os.write(self._forward_to, forwarded_line(kind, data))
        return 0

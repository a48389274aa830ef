"""The journal of a run on a machine that does not share the disk of its service."""

import atexit
import contextlib
import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from synapse_core.config.home import Home
from synapse_core.errors import SynapseError
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import EventKind
from synapse_core.model.run import WorkerId
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.processes import is_alive, this_worker
from synapse_core.runs.shipping import Receiver, Shipper
from synapse_core.types import JSONObject

__all__ = ["Leftover", "ShippedJournal", "find_leftovers", "send_leftovers"]

_NOTE, _REFUSED_NOTE = "shipping.json", "shipping.refused.json"
_GRACE_S = 5.0
"""What a process that is told to end may still take to send its last events."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Leftover:
    """Events that a process recorded and, as far as is known, did not send to their end.

    Attributes:
        run_id: The run.
        owner: The worker that owned it.
        url: Address of the service.
        worker: The process that was sending.
    """

    run_id: str
    owner: str
    url: str
    worker: str


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
        folder = home.run_dir(leftover.run_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._note = folder / _NOTE
        self._note.write_text(json.dumps(asdict(leftover)), encoding="utf-8")
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
            self._note.unlink(missing_ok=True)
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


def find_leftovers(home: Home) -> Iterator[Leftover]:
    """Yield what processes of this machine left that are gone."""
    for note in sorted(home.runs_dir.glob(f"*/*/{_NOTE}")):
        # Half written by a process that died over it, or just removed: nothing was recorded yet.
        with contextlib.suppress(OSError, ValueError, TypeError):
            left = Leftover(**json.loads(note.read_text(encoding="utf-8")))
            worker = WorkerId.parse(left.worker)
            if is_alive(worker) is not True and str(this_worker()) != left.worker:
                yield left


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
        note = home.run_dir(left.run_id) / _NOTE
        shipper = Shipper(home.journal(left.run_id), connect(left))
        arrived = shipper.close(timeout_s)
        sent[left.run_id] = arrived
        if arrived:
            note.unlink(missing_ok=True)
        elif shipper.refused is not None:
            _set_aside(note, shipper.refused)
    return sent


def _set_aside(note: Path, reason: SynapseError) -> None:
    told = json.loads(note.read_text(encoding="utf-8"))
    note.with_name(_REFUSED_NOTE).write_text(
        json.dumps({**told, "code": reason.code, "reason": reason.message}), encoding="utf-8"
    )
    note.unlink(missing_ok=True)
    _log.warning("Events of %s stay here: %s", told.get("run_id"), reason)

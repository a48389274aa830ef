"""Brings the events of a run to a service, from a worker that does not share its disk.

The run's own journal is the buffer: an event is safe once it stands there, and it is sent when the
service takes it. So memory has a bound, a lost network delays events only, and what a killed
process left is sent by whoever comes next. The service keeps each event once, however often it is
sent, so nothing here has to be exact but the order.
"""

import contextlib
import logging
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from synapse_core.errors import (
    EventGapError,
    JournalError,
    RateLimitedError,
    StoreUnavailableError,
    SynapseError,
)
from synapse_core.runs.lines import lines_from
from synapse_core.runs.records import parse_head
from synapse_core.runs.wake import FileWatch

__all__ = ["Receiver", "Sender", "Shipper"]

_BATCH_BYTES = 1 << 19
_LOOK_S = 0.05
"""How long a wait for new events goes on at most, so that a call to stop is heard."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0

_log = logging.getLogger(__name__)


class Receiver(Protocol):
    """Takes in events; `HttpReceiver` sends them to a service."""

    def append(self, batch: bytes) -> int:
        """Add the lines of a batch, and return the `seq` of the last event there is.

        An empty batch only asks.

        Raises:
            EventGapError: Others are missing before them.
            StoreUnavailableError: Nobody answers; the same batch may be sent again.
            SynapseError: They are refused for good.
        """
        ...


class Sender:
    """Sends what stands in a journal, a batch with each call.

    Args:
        path: The journal; it need not be there yet.
        receiver: Where its events go.
    """

    def __init__(self, path: Path, receiver: Receiver) -> None:
        self._path = path
        self._receiver = receiver
        self._position: int | None = None

    @property
    def position(self) -> int | None:
        """Byte position up to which everything was acknowledged; None before it was asked."""
        return self._position

    def send_some(self) -> bool:
        """Send a batch; False when there was nothing to send.

        Raises:
            StoreUnavailableError: Nobody answers; the next call sends the same.
            SynapseError: The service refuses it for good.
        """
        if self._position is None:
            self._position = _position_after(self._path, self._receiver.append(b""))
        batch = _batch(self._path, self._position)
        if not batch:
            return False
        try:
            self._receiver.append(batch)
        except EventGapError as error:
            # The service lost some, or this process goes on behind what another one sent.
            expected = int(str(error.data.get("expected_seq", 1)))
            before, self._position = self._position, _position_after(self._path, expected - 1)
            if self._position == before:
                raise JournalError(
                    f"The service misses event {expected}, which is not in {self._path}.",
                    hint="The journal was changed by something else.",
                ) from error
            return True
        self._position += len(batch)
        return True

    def send_all(self) -> None:
        """Send everything there is.

        Raises:
            StoreUnavailableError: Nobody answers; the next call goes on.
            SynapseError: The service refuses it for good.
        """
        while self.send_some():
            pass


class Shipper:
    """Sends what is written to a journal, in a thread of its own; a context manager.

    Args:
        path: The journal; it need not be there yet.
        receiver: Where its events go.
    """

    def __init__(self, path: Path, receiver: Receiver) -> None:
        self._path = path
        self._sender = Sender(path, receiver)
        self._refused: SynapseError | None = None
        self._stopping = False
        self._changed = threading.Condition()
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)
        self._thread.start()

    @property
    def refused(self) -> SynapseError | None:
        """Why the service takes no more events of this run; None while it does."""
        return self._refused

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything that was written so far has arrived; False when time is over.

        Raises:
            SynapseError: The service refuses it for good.
        """
        target = _size(self._path)
        self._hurry.set()
        with self._changed:
            self._changed.wait_for(
                lambda: self._refused is not None or self._has_arrived(target), timeout_s
            )
            if self._refused is not None:
                raise self._refused
            return self._has_arrived(target)

    def close(self, timeout_s: float = 10.0) -> bool:
        """Send what is left, for so long, and stop; whether everything has arrived.

        What has not stays in the journal, and `send_leftovers` sends it later.
        """
        arrived = False
        with contextlib.suppress(SynapseError):
            arrived = self.flush(timeout_s)
        self.leave()
        self._thread.join(timeout_s)
        return arrived

    def leave(self) -> None:
        """Stop soon, without waiting for that: somebody else has sent what is left, or will."""
        self._stopping = True
        self._hurry.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        failures = 0
        with FileWatch(self._path) as watch:
            while not self._stopping:
                try:
                    is_idle = not self._sender.send_some()
                except (StoreUnavailableError, RateLimitedError) as error:
                    failures += 1
                    self._rest(failures, error)
                    continue
                except SynapseError as error:
                    self._refuse(error)
                    return
                failures = 0
                with self._changed:
                    self._changed.notify_all()
                if is_idle:
                    watch.wait(_LOOK_S)

    def _has_arrived(self, target: int) -> bool:
        position = self._sender.position
        return position is not None and position >= target

    def _refuse(self, error: SynapseError) -> None:
        _log.warning("The service refuses the events of %s: %s", self._path, error)
        with self._changed:
            self._refused = error
            self._changed.notify_all()

    def _rest(self, failures: int, error: SynapseError) -> None:
        if failures == 1:
            _log.warning("Events wait on disk: %s", error)
        self._hurry.clear()
        # Somebody who waits for the end has it tried at once.
        self._hurry.wait(min(_FIRST_PAUSE_S * 2 ** (failures - 1), _LONGEST_PAUSE_S))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _batch(path: Path, position: int) -> bytes:
    """Return some whole lines from the position on; one at least, however long it is."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        size = _BATCH_BYTES
        while True:
            block = os.pread(descriptor, size, position)
            end = block.rfind(b"\n") + 1
            if end or len(block) < size:
                return block[:end]
            size *= 4
    finally:
        os.close(descriptor)


def _position_after(path: Path, seq: int) -> int:
    """Return the byte position behind the event `seq`, or behind the last one there is.

    Raises:
        JournalError: A line is no event.
    """
    if seq < 1:
        return 0
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        end = 0
        for start, line in lines_from(descriptor, 0):
            if parse_head(line).seq > seq:
                break
            end = start + len(line) + 1
    except ValueError as error:
        raise JournalError(
            f"A line of {path} is no event: {error}.",
            hint="The file was changed by something else; it cannot be sent on.",
            path=str(path),
        ) from error
    finally:
        os.close(descriptor)
    return end

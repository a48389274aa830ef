"""Writes a run's journal: each event is one line, each line one system call."""

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from synapse_core.errors import JournalError, LeaseLostError
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import EventKind
from synapse_core.runs.descriptors import open_apart
from synapse_core.runs.event_texts import encode_parts, redact_texts
from synapse_core.runs.journal_file import head_before
from synapse_core.runs.lines import end_of_lines
from synapse_core.runs.records import format_records, is_end, parse_event
from synapse_core.types import JSONObject

__all__ = ["JournalWriter", "Written"]

_FLAGS = os.O_RDWR | os.O_APPEND

_NONE = -1
"""Descriptor of a journal that was closed; its number may be another file's by now."""


_Place = tuple[int, int]
"""A place in the journal: the byte after an event, and the `seq` of that event. Each write makes
one, which takes five times as long if it has names."""


class Written(NamedTuple):
    """What one call has written: an event, or several that a long text became.

    Attributes:
        start: Position in the journal before it.
        end: Position behind it.
        seq: That of the last event.
        time: When it was written, Unix time in seconds.
        kind: What it tells.
        parts: The data of each event, encoded.
    """

    start: int
    end: int
    seq: int
    time: float
    kind: EventKind
    parts: Sequence[bytes]


class JournalWriter:
    """Appends events to a journal and numbers them; implements `EventSink`. Made by `open`.

    There is one writer at a time: a forked process takes over the object, and the process it came
    from closes its own copy. No lock enforces that, as a lock lives on in every fork of user code
    that outlives its run. Instead, each write first makes sure that nothing was appended since the
    one before. So a writer that was taken for dead, and whose run was settled by somebody else, is
    refused: nothing ever stands behind the last event of a run.
    """

    def __init__(
        self,
        path: Path,
        descriptor: int,
        at: _Place,
        redactor: Redactor | None,
        witness: Callable[[Written], None] | None,
    ) -> None:
        self._path = path
        self._descriptor = descriptor
        self._at = at
        self._toward: _Place | None = None
        """Where a write leads whose success is not known yet: a signal handler's exception may
        come between the write and the note of it."""
        self._redactor = redactor
        self._witness = witness
        self._lock = threading.RLock()
        self._reserved = 0
        """While a thread writes, the last `seq` given away; else 0."""
        self._postponed: dict[int, tuple[EventKind, list[bytes]]] = {}
        self._is_closed = False

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        redactor: Redactor | None = None,
        witness: Callable[[Written], None] | None = None,
    ) -> Self:
        """Open a journal to append to; make it when it is not there.

        A last line that was only half written is cut off: its event was never acknowledged.

        Args:
            path: The file; its folder must exist.
            redactor: Takes the secrets out of every event.
            witness: Told of each write, in their order.

        Raises:
            LeaseLostError: The end of the run is on record, and nothing may follow it.
            JournalError: It cannot be opened, or its last line is no event.
        """
        try:
            descriptor = open_apart(path, _FLAGS | os.O_CREAT)
            try:
                at = _last_place(path, descriptor)
                if os.lseek(descriptor, 0, os.SEEK_END) > at[0]:
                    os.ftruncate(descriptor, at[0])
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            raise _failed(path, "opened", error) from error
        return cls(path, descriptor, at, redactor, witness)

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        """Record one event and return its `seq`; a long log text becomes several events.

        Raises:
            JournalError: It could not be recorded; nothing of it was kept.
        """
        if self._redactor is not None:
            data = redact_texts(data, self._redactor)
        parts = encode_parts(kind, data)
        count = len(parts)  # before the look, so that no call stands between it and the setting
        with self._lock:
            if self._reserved:
                # A signal handler speaks up while this very thread is writing. Another handler
                # may do so at any call in here, and has a later number then.
                seq = self._reserved = self._reserved + count
                self._postponed[seq] = kind, parts
                return seq
            self._reserved = self._at[1] + count
            try:
                seq = self._append(kind, parts)
                while self._postponed:
                    self._append(*self._postponed.pop(min(self._postponed)))
            except OSError as error:
                raise _failed(self._path, "written", error) from error
            finally:
                self._reserved = 0
        return seq

    def close(self) -> None:
        """Stop writing; the copy that another process took over is not concerned."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                descriptor, self._descriptor = self._descriptor, _NONE
                os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def _append(self, kind: EventKind, parts: list[bytes]) -> int:
        end, before = self._at
        try:
            is_as_left = os.lseek(self._descriptor, 0, os.SEEK_END) == end
        except OSError:
            is_as_left = False
        if not is_as_left or self._toward is not None:
            self._settle()
            end, before = self._at
        seq = before + len(parts)
        now_us = time.time_ns() // 1000
        lines = format_records(before + 1, now_us, kind, parts)
        after = self._toward = end + len(lines), seq
        try:
            written = os.write(self._descriptor, lines)
        except OSError:
            self._settle()
            raise
        if written < len(lines):
            self._settle()
            # The rest did not fit; writing it would meet exactly this.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._at, self._toward = after, None
        if self._witness is not None:
            self._witness(Written(end, after[0], seq, now_us / 1e6, kind, parts))
        return seq

    def _settle(self) -> None:
        """Make sure that the journal ends with the last event that was recorded here.

        A write that was cut short is undone, one that was only not noted is noted.
        """
        end, _ = self._at
        size = self._size(end)
        begun, self._toward = self._toward, None
        if size == end:
            return
        if begun is not None and size == begun[0]:
            self._at = begun
        elif begun is not None and end < size < begun[0]:
            os.ftruncate(self._descriptor, end)
        else:
            raise JournalError(
                f"Something else wrote to {self._path}.",
                hint="Another worker took over the run, and this one has to stop.",
                path=str(self._path),
            )

    def _size(self, expected: int) -> int:
        if self._is_closed:
            raise JournalError(
                f"{self._path} was closed already.", hint="Record events before the run has ended."
            )
        try:
            size = os.lseek(self._descriptor, 0, os.SEEK_END)
        except OSError:
            size = -1
        if size < expected and not self._is_open():
            # User code closed every descriptor it could think of.
            self._descriptor = open_apart(self._path, _FLAGS)
            size = os.lseek(self._descriptor, 0, os.SEEK_END)
        return size

    def _is_open(self) -> bool:
        """Whether the descriptor still leads to the journal."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except OSError:
            return False


def _last_place(path: Path, descriptor: int) -> _Place:
    end = end_of_lines(descriptor)
    if end == 0:
        return 0, 0
    start, head = head_before(descriptor, end)
    if head is None:
        raise JournalError(
            f"The last line of {path}, at byte {start}, is no event.",
            hint="The file was changed by something else; nothing can be added to it.",
            path=str(path),
            offset=start,
        )
    if head.kind is EventKind.STATUS:
        _refuse_end(path, os.pread(descriptor, end - start - 1, start))
    return end, head.seq


def _refuse_end(path: Path, line: bytes) -> None:
    with contextlib.suppress(ValueError):  # what is damaged is no end
        status = parse_event(line)
        if status is not None and is_end(status):
            raise LeaseLostError(
                f"The end of the run is on record in {path}.",
                hint="Another worker took the run over and has ended it; this one has to stop.",
            )


def _failed(path: Path, verb: str, error: OSError) -> JournalError:
    if isinstance(error, JournalError):
        return error
    return JournalError(
        f"The journal {path} could not be {verb}: {error.strerror}.",
        hint="Free disk space or check the permissions; nothing of the event was kept.",
        path=str(path),
        errno=error.errno,
    )

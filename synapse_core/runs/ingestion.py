"""Takes in events that were recorded elsewhere: the lines of another journal, as they are."""

import errno
import os
import threading
from collections import OrderedDict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import (
    ConflictError,
    EventGapError,
    InvalidInputError,
    JournalError,
    LeaseLostError,
    RunNotFoundError,
)
from synapse_core.runs.descriptors import open_apart
from synapse_core.runs.ids import is_run_id
from synapse_core.runs.journal_file import head_before
from synapse_core.runs.lines import end_of_lines, lines_before
from synapse_core.runs.records import parse_event, parse_head

__all__ = ["MAX_OPEN", "Ingestion"]

MAX_OPEN = 256
"""Journals held open; the one that was not written to for longest is closed for a new one."""


class _OpenJournal:
    """A journal that lines are added to, by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.Lock()
        self._path = path
        self._descriptor = open_apart(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        self._end = self._seq = 0
        self._look()

    def append(self, lines: Sequence[bytes], first: int) -> int:
        """Add the lines that are not there yet, and return the `seq` of the last event."""
        self._look()
        if first > self._seq + 1:
            raise EventGapError(
                f"Events from {first} on came, and {self._seq + 1} is the next one.",
                hint=f"Send the events from {self._seq + 1} on.",
                expected_seq=self._seq + 1,
            )
        known = min(self._seq - first + 1, len(lines))
        if known > 0:
            self._compare(lines[:known], first)
        if known < len(lines):
            self._write(b"".join(line + b"\n" for line in lines[known:]))
            self._seq = first + len(lines) - 1
        return self._seq

    def close(self) -> None:
        os.close(self._descriptor)

    @property
    def last_seq(self) -> int:
        self._look()
        return self._seq

    def _look(self) -> None:
        """Take note of what others, such as a recovery, have written since."""
        size = os.lseek(self._descriptor, 0, os.SEEK_END)
        if size == self._end:
            return
        end = end_of_lines(self._descriptor)
        head = head_before(self._descriptor, end)[1] if end else None
        if end and head is None:
            raise JournalError(
                f"The last line of {self._path} is no event.",
                hint="The file was changed by something else; nothing can be added to it.",
                path=str(self._path),
            )
        if end < size:
            os.ftruncate(self._descriptor, end)  # half a line, of a process that died over it
        self._end, self._seq = end, head.seq if head is not None else 0

    def _compare(self, lines: Sequence[bytes], first: int) -> None:
        """Make sure that what is sent again is what is there already."""
        last = first + len(lines) - 1
        there = lines_before(self._descriptor, self._end)
        for seq in range(self._seq, first - 1, -1):
            _, line = next(there)
            if seq <= last and line != lines[seq - first]:
                raise ConflictError(
                    f"Event {seq} is there already, and says something else.",
                    hint="Another worker took over the run; this one has to stop.",
                    seq=seq,
                )

    def _write(self, lines: bytes) -> None:
        written = os.write(self._descriptor, lines)
        if written < len(lines):
            os.ftruncate(self._descriptor, self._end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._end += written


class Ingestion:
    """Adds events of other machines to the journals of this home.

    A batch is what a journal holds: lines, numbered without gaps. It is kept whole or not at all,
    and once only, however often it is sent: who never learned that it arrived sends it again.

    Args:
        home: Where the runs lie.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._open: OrderedDict[str, _OpenJournal] = OrderedDict()

    def append(self, run_id: str, batch: bytes, *, may_add: bool = True) -> int:
        """Add the events of the batch that are not there yet.

        Args:
            run_id: The run.
            batch: Lines of a journal; none asks only how far the journal is.
            may_add: Whether the sender owns the run; else it learns what is there already.

        Returns:
            The `seq` of the run's last event, which acknowledges all up to it.

        Raises:
            InvalidInputError: The batch holds something that is no event; nothing was kept.
            EventGapError: Events before it are missing; `data["expected_seq"]` is wanted next.
            LeaseLostError: Something is new, and the sender does not own the run.
            ConflictError: An event is there already and says something else.
            JournalError: It could not be written; nothing was kept.
        """
        lines, first = _checked(batch)
        with self._journal(run_id) as journal:
            last = journal.last_seq
            if not lines:
                return last
            if not may_add and first + len(lines) - 1 > last:
                raise LeaseLostError(
                    f"Run {run_id} is not this worker's, or has ended.",
                    hint="Stop working on it; what it is now is for others to say.",
                    run_id=run_id,
                    last_seq=last,
                )
            return journal.append(lines, first)

    def last_seq(self, run_id: str) -> int:
        """Return the `seq` of the run's last event; 0 for none."""
        with self._journal(run_id) as journal:
            return journal.last_seq

    def forget(self, run_id: str) -> None:
        """Close the journal of a run that is to be removed."""
        with self._lock:
            journal = self._open.pop(run_id, None)
        if journal is not None:
            with journal.lock:
                journal.close()

    def close(self) -> None:
        """Close all journals."""
        for run_id in list(self._open):
            self.forget(run_id)

    @contextmanager
    def _journal(self, run_id: str) -> Generator[_OpenJournal]:
        path = self._path(run_id)
        try:
            with self._lock:
                journal = self._open.pop(run_id, None) or _OpenJournal(path)
                self._open[run_id] = journal
                while len(self._open) > MAX_OPEN:
                    _, oldest = self._open.popitem(last=False)
                    with oldest.lock:
                        oldest.close()
                journal.lock.acquire()
            try:
                yield journal
            finally:
                journal.lock.release()
        except OSError as error:
            if isinstance(error, JournalError):
                raise
            raise JournalError(
                f"The journal {path} cannot be written: {error.strerror}.",
                hint="Free disk space or check the permissions; nothing of the batch was kept.",
                path=str(path),
                errno=error.errno,
            ) from error

    def _path(self, run_id: str) -> Path:
        if not is_run_id(run_id):
            raise RunNotFoundError(run_id)  # it would become a part of a path
        folder = self._home.run_dir(run_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder / self._home.journal(run_id).name


def _checked(batch: bytes) -> tuple[list[bytes], int]:
    """Return the lines of the batch and the `seq` of the first.

    Raises:
        InvalidInputError: A line is no event, or does not follow the one before.
    """
    if not batch:
        return [], 0
    if not batch.endswith(b"\n"):
        raise InvalidInputError(
            "The last line of the batch has no end.", hint="Send whole lines only."
        )
    lines = batch[:-1].split(b"\n")
    first = 0
    for number, line in enumerate(lines):
        try:
            seq = _seq_of(line)
        except ValueError as error:
            raise _refusal(number, str(error)) from error
        first = first or seq
        if seq != first + number:
            raise _refusal(number, f"its seq is {seq}, where {first + number} follows")
    return lines, first


def _seq_of(line: bytes) -> int:
    """Return the number of the event; its kind may be one that only a later version knows.

    Raises:
        ValueError: It is no event.
    """
    try:
        event = parse_event(line)  # by the rules of those who will read it
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    return parse_head(line).seq if event is None else event.seq


def _refusal(number: int, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"Line {number + 1} of the batch is no event: {reason}.",
        hint="Send the lines of a journal as they are.",
        line=number + 1,
    )

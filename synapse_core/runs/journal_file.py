"""A journal as its readers see it: whole lines up to where it ended when it was opened."""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, Self

from synapse_core.errors import JournalError
from synapse_core.model.event import Event, EventKind
from synapse_core.runs.lines import end_of_lines, lines_before, lines_from
from synapse_core.runs.records import MAX_HEAD_BYTES, Head, parse_event, parse_head

__all__ = ["JournalFile", "head_before"]

_COUNTED_BLOCK = 1 << 20


class JournalFile:
    """An open journal; one that is not there has no events. Made by `open`.

    Attributes:
        end: Byte position after the last whole line.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor
        self.end = end_of_lines(descriptor) if descriptor is not None else 0

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Generator[Self]:
        """Open the journal for reading.

        Raises:
            JournalError: It is there and cannot be read.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            yield cls(path, None)
            return
        except OSError as error:
            raise JournalError(
                f"The journal {path} cannot be read: {error.strerror}.",
                hint="Check its permissions, and how many files this process holds open.",
                path=str(path),
                errno=error.errno,
            ) from error
        try:
            yield cls(path, descriptor)
        finally:
            os.close(descriptor)

    def events_after(
        self, position: int, kinds: frozenset[EventKind] | None
    ) -> Iterator[tuple[Event | None, int]]:
        """Yield each event from `position` on, None for other kinds, and the position after it.

        Raises:
            JournalError: A line is no event.
        """
        if self._descriptor is None:
            return
        for start, line in lines_from(self._descriptor, position, self.end):
            yield self._parse(start, line, kinds), start + len(line) + 1

    def events_before_end(self, kinds: frozenset[EventKind] | None) -> Iterator[Event]:
        """Yield the events of the given kinds, the last one first.

        Raises:
            JournalError: A line is no event.
        """
        if self._descriptor is None:
            return
        for start, line in lines_before(self._descriptor, self.end):
            event = self._parse(start, line, kinds)
            if event is not None:
                yield event

    def seq_before(self, position: int) -> int:
        """Return the `seq` of the event that ends at `position`, 0 at the beginning.

        Raises:
            JournalError: No event ends there.
        """
        if self._descriptor is None or position == 0:
            return 0
        start, head = head_before(self._descriptor, position)
        if head is None:
            self._refuse(start, "it does not begin as an event does")
        return head.seq

    def _parse(self, start: int, line: bytes, kinds: frozenset[EventKind] | None) -> Event | None:
        try:
            return parse_event(line, kinds)
        except ValueError as error:
            self._refuse(start, str(error))

    def _refuse(self, start: int, reason: str) -> NoReturn:
        number = 1 + self._count_lines(start)
        raise JournalError(
            f"Line {number} of {self._path}, at byte {start}, is no event: {reason}.",
            hint="The file was changed by something else. The events before that line, and those "
            "after it, can still be read.",
            path=str(self._path),
            line=number,
            offset=start,
        )

    def _count_lines(self, end: int) -> int:
        assert self._descriptor is not None  # noqa: S101 - what is not there has no bad line
        blocks = (
            os.pread(self._descriptor, min(_COUNTED_BLOCK, end - start), start)
            for start in range(0, end, _COUNTED_BLOCK)
        )
        return sum(block.count(b"\n") for block in blocks)


def head_before(descriptor: int, end: int) -> tuple[int, Head | None]:
    """Return where the line begins that ends at `end`, and its head; None if that is none."""
    start = end_of_lines(descriptor, end=end - 1)
    try:
        return start, parse_head(os.pread(descriptor, min(MAX_HEAD_BYTES, end - start), start))
    except ValueError:
        return start, None

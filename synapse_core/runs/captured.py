"""Turns what was written to a run's file descriptors 1 and 2 into log events."""

import contextlib
import os
import time
from pathlib import Path

from synapse_core.model.event import EventKind, LogLevel, LogSource
from synapse_core.ports import EventSink
from synapse_core.runs.descriptors import open_apart
from synapse_core.runs.lines import end_of_lines, lines_before
from synapse_core.runs.records import parse_event
from synapse_core.types import JSONObject

__all__ = ["OutputReader", "last_offset"]

_BLOCK = 1 << 18

_MAX_LINE_BYTES = 1 << 16
"""A longer line goes on in the next event."""

_CUT_BACK_BYTES = 1 << 12
"""How far back from there a space is looked for to cut at: a word stays whole, and a secret."""

_REDRAW_S = 1.0
"""A progress bar draws its line many times a second; once is enough for a log."""


class OutputReader:
    """Reads the captured output from a position on and emits a log event for each line.

    What is no whole line yet stays in the file, not in memory. Of a line that is drawn anew after
    carriage returns, as progress bars are, the last drawing counts; the file keeps every byte.

    Args:
        path: The file; it may not be there yet.
        sink: Where the events go.
        offset: Where to begin.
    """

    def __init__(self, path: "os.PathLike[str]", sink: EventSink, *, offset: int) -> None:
        self._path = Path(path)
        self._sink = sink
        self._offset = offset
        self._seen = offset
        """How far the file was looked at; between the two stands an unfinished line."""
        self._descriptor: int | None = None
        self._redraw_at = 0.0
        self._is_draining = False
        self._is_finished = False

    @property
    def offset(self) -> int:
        """Byte position up to which everything is emitted."""
        return self._offset

    def drain(self) -> None:
        """Emit the lines that are whole by now; costs one system call when nothing is new.

        Raises:
            JournalError: An event could not be recorded; the next call begins with it.
        """
        if self._is_draining or self._is_finished:
            return  # in the first case, a signal handler speaks up in the middle of this
        size = self._size()
        if size == self._seen:
            return
        if size < self._offset:
            # A program opened it anew, as `> /dev/stdout` does, which empties it.
            self._offset = 0
        self._is_draining = True
        try:
            while self._drain_block(size):
                pass
            self._seen = size
        finally:
            self._is_draining = False

    def finish(self) -> None:
        """Emit everything, an unfinished last line too; what comes later is not looked at.

        Raises:
            JournalError: An event could not be recorded.
        """
        self.drain()
        if self._descriptor is None:
            return
        rest = os.pread(self._descriptor, self._seen - self._offset, self._offset)
        if rest:
            self._emit(_last_drawing(rest), len(rest))
        self._is_finished = True
        os.close(self._descriptor)
        self._descriptor = None

    def _size(self) -> int:
        if self._descriptor is not None:
            try:
                return os.lseek(self._descriptor, 0, os.SEEK_END)
            except OSError:
                # User code closed every descriptor it could think of.
                self._descriptor = None
        try:
            self._descriptor = open_apart(self._path, os.O_RDONLY)
        except OSError:
            # It is not there yet, or user code took all descriptors away: an event of its own must
            # not be lost over that. Whoever reads on from `offset` finds the rest.
            return self._seen
        return os.lseek(self._descriptor, 0, os.SEEK_END)

    def _drain_block(self, size: int) -> bool:
        """Emit the lines of the next block before `size`; False when no whole one is left."""
        if self._descriptor is None or self._offset >= size:
            return False
        is_last = size - self._offset <= _BLOCK
        block = os.pread(self._descriptor, min(_BLOCK, size - self._offset), self._offset)
        *lines, rest = block.split(b"\n")
        for line in lines:
            ending = self._emit_parts(line)
            self._emit(_last_drawing(ending), len(ending) + 1)
        rest = self._emit_parts(rest)
        if is_last:
            self._emit_drawing(rest)
        return not is_last and bool(block)

    def _emit_parts(self, line: bytes) -> bytes:
        """Emit the beginning of a line too long for one event, and return its short ending."""
        while len(line) > _MAX_LINE_BYTES:
            drawn = line.rfind(b"\r", 0, _MAX_LINE_BYTES) + 1
            size = drawn or _cut(line)
            part = line[:size]
            self._emit(_last_drawing(part) if drawn else part, size, more=not drawn)
            line = line[size:]
        return line

    def _emit_drawing(self, begun: bytes) -> None:
        """Emit what an unfinished line showed last before it was drawn anew, now and then."""
        # A return at the very end may be half of a line's end.
        size = begun.rfind(b"\r", 0, -1) + 1
        drawing = _last_drawing(begun[:size])
        now = time.monotonic()
        if drawing and now >= self._redraw_at:
            self._redraw_at = now + _REDRAW_S
            self._emit(drawing, size)

    def _emit(self, text: bytes, size: int, *, more: bool = False) -> None:
        data: JSONObject = {
            "level": LogLevel.INFO,
            "message": text.decode("utf-8", "backslashreplace"),
            "source": LogSource.OUTPUT,
            "offset": self._offset + size,
        }
        if more:
            data["more"] = True
        self._sink.emit(EventKind.LOG, data)
        self._offset += size


def last_offset(journal: Path) -> int:
    """Return how far the captured output is in the journal by its last events; 0 for not at all.

    Read from the end: what that costs follows from how long ago there was output.
    """
    try:
        descriptor = os.open(journal, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        for _, line in lines_before(descriptor, end_of_lines(descriptor)):
            # Within a text the quotes would be escaped.
            if b'"offset":' not in line:
                continue
            with contextlib.suppress(ValueError):  # a damaged line tells nothing; others may
                event = parse_event(line)
                offset = event.data.get("offset") if event is not None else None
                if isinstance(offset, int):
                    return offset
    finally:
        os.close(descriptor)
    return 0


def _last_drawing(line: bytes) -> bytes:
    """Return what a terminal would show in the end of a line with carriage returns."""
    if b"\r" not in line:
        return line
    drawings = [drawing for drawing in line.split(b"\r") if drawing and not drawing.isspace()]
    return drawings[-1] if drawings else b""


def _cut(line: bytes) -> int:
    """Return where to cut a line that is too long: after a space, else between characters."""
    spaced = line.rfind(b" ", _MAX_LINE_BYTES - _CUT_BACK_BYTES, _MAX_LINE_BYTES) + 1
    if spaced:
        return spaced
    size = _MAX_LINE_BYTES
    # A character of UTF-8 has up to three bytes of this form after its first. Source: RFC 3629
    while size > _MAX_LINE_BYTES - 3 and line[size] in range(0b1000_0000, 0b1100_0000):
        size -= 1
    return size

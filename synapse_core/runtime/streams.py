"""What an action prints, as events of its run."""

import codecs
import io
import sys
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import get_ident
from typing import TYPE_CHECKING, TextIO

from synapse_core.model.event import EventKind, LogLevel, LogSource
from synapse_core.ports import EventSink
from synapse_core.runtime.forks import tell_of_forks
from synapse_core.runtime.json_safe import well_formed
from synapse_core.runtime.line_assembly import LineAssembler, Piece
from synapse_core.runtime.reentry import recording
from synapse_core.types import JSONObject

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["CapturedStream", "capture_streams"]

_LOG = EventKind.LOG  # once: to get it from its class takes as long as to look for a secret

_CHUNK = 1 << 20
"""Characters or bytes worked on at once: what is written may be large, what is copied is not."""

_FORGET_ABOVE = 64
"""Threads whose lines are remembered though nothing of them is waiting."""


@contextmanager
def capture_streams(sink: EventSink) -> Generator[None]:
    """Turn what is written to `sys.stdout` and `sys.stderr` into log events, line by line.

    A line is recorded when it ends, when the writer flushes, or here at the end. Two threads that
    print at once do not get mixed up within a line. `sys.__stdout__` and the file descriptors are
    left alone.
    """
    previous = sys.stdout, sys.stderr
    streams = (
        CapturedStream(sink, LogSource.STDOUT, 1, previous[0]),
        CapturedStream(sink, LogSource.STDERR, 2, previous[1]),
    )
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        sys.stdout, sys.stderr = previous
        for stream in streams:
            stream.end()


@dataclass(slots=True)
class _Writer:
    """What one thread has written and not ended."""

    lines: LineAssembler = field(default_factory=lambda: LineAssembler(time.monotonic))
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("backslashreplace")
    )


class CapturedStream(io.TextIOBase):
    """A text stream whose lines become log events.

    Args:
        sink: Where the events go.
        source: What they say they came from.
        descriptor: The file descriptor that child processes are given for this stream.
        fallback: Takes what is written after the end, or by the sink itself; None for nowhere.
    """

    encoding = "utf-8"
    errors = "backslashreplace"
    mode = "w"
    line_buffering = True
    write_through = False

    def __init__(
        self, sink: EventSink, source: LogSource, descriptor: int, fallback: TextIO | None
    ) -> None:
        self._sink: EventSink | None = sink
        self.name = f"<{source}>"
        # Plain texts: members of enumerations are slow to get and to encode.
        self._facts: JSONObject = {"level": LogLevel.INFO.value, "source": source.value}
        self._descriptor = descriptor
        self._fallback = fallback
        self._writers: dict[int, _Writer] = {}
        self._buffer = _CapturedBuffer(self)
        tell_of_forks(self)

    @property
    def buffer(self) -> io.BufferedIOBase:
        r"""The same stream for bytes: UTF-8, with anything else written as `\xff`."""
        return self._buffer

    def reconfigure(self, **_options: object) -> None:
        """Accept what scripts ask of the standard streams; encoding and buffering stay."""

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def isatty(self) -> bool:
        """Tell that nobody looks on: libraries then write no colours."""
        return False

    def fileno(self) -> int:
        """Return the descriptor for child processes; what they write is recorded by the worker."""
        return self._descriptor

    def write(self, text: str, /) -> int:
        """Take text, and record each line that it ends."""
        sink = self._sink
        if type(text) is not str or len(text) > _CHUNK:
            self._write_rare(text)
        elif sink is None or recording.is_active:
            self._write_past(text)
        elif done := (self._writers.get(get_ident()) or self._new_writer()).lines.feed(text):
            self._record(sink, done)
        return len(text)

    def _write_rare(self, text: str) -> None:
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - user code calls
            message = f"write() argument must be str, not {type(text).__name__}"
            raise TypeError(message)
        text = str.__str__(text)
        for start in range(0, len(text), _CHUNK):
            self.write(text[start : start + _CHUNK])

    def write_bytes(self, content: "ReadableBuffer") -> int:
        """Take bytes, in pieces that may part a character."""
        view = memoryview(content).cast("B")
        decoder = self._writer().decoder
        for start in range(0, len(view), _CHUNK):
            self.write(decoder.decode(view[start : start + _CHUNK]))
        return len(view)

    def flush(self) -> None:
        """Record what this thread has written of a line, though it may go on."""
        sink = self._sink
        if sink is not None and not recording.is_active:
            self._record(sink, self._writer().lines.flush())

    def close(self) -> None:
        """Flush, and stay open: what prints later, at exit perhaps, does no harm."""
        self.flush()

    def end(self) -> None:
        """Record what no line end has come for; from now on the fallback takes what is written."""
        sink, self._sink = self._sink, None
        writers, self._writers = self._writers, {}
        if sink is not None:
            for writer in writers.values():
                rest = writer.lines.feed(writer.decoder.decode(b"", final=True))
                self._record(sink, [*rest, *writer.lines.finish()])

    def after_fork(self) -> None:
        """Leave lines that are not ended to the process that began them."""
        self._writers = {}

    def _writer(self) -> _Writer:
        return self._writers.get(get_ident()) or self._new_writer()

    def _new_writer(self) -> _Writer:
        if len(self._writers) >= _FORGET_ABOVE:
            self._forget_ended()
        writer = self._writers[get_ident()] = _Writer()
        return writer

    def _forget_ended(self) -> None:
        for thread, writer in list(self._writers.items()):
            if writer.lines.is_empty and not writer.decoder.getstate()[0]:
                self._writers.pop(thread, None)

    def _record(self, sink: EventSink, pieces: Iterable[Piece]) -> None:
        recording.is_active = True
        try:
            for piece in pieces:
                data: JSONObject = {"message": well_formed(piece.text), **self._facts}
                if piece.more:
                    data["more"] = True
                sink.emit(_LOG, data)
        finally:
            recording.is_active = False

    def _write_past(self, text: str) -> None:
        if self._fallback is not None:
            with suppress(ValueError):  # it is closed: nobody is left to read this
                self._fallback.write(text)
                self._fallback.flush()


class _CapturedBuffer(io.BufferedIOBase):
    mode = "wb"

    def __init__(self, text: CapturedStream) -> None:
        self.name = text.name
        self._text = text

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._text.fileno()

    def write(self, content: "ReadableBuffer", /) -> int:
        return self._text.write_bytes(content)

    def flush(self) -> None:
        self._text.flush()

    def close(self) -> None:
        self._text.flush()

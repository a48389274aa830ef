"""What the replicas of a deployment say: a file of JSON lines each, read together by a cursor."""

import base64
import heapq
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

from synapse_core.errors import CursorError
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import LogLevel, LogSource

__all__ = ["LogWriter", "ServedLine", "ServedPage", "read_page"]

MAX_FILE_BYTES = 8 << 20
"""A full file is followed by another one, and the one before it is removed."""

MAX_LINE_CHARS = 16_000
MAX_FILES = 64
"""Files of all replicas, those that are gone included; the oldest are removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedLine:
    """One line of the log.

    Attributes:
        at: Unix time.
        replica: Who said it.
        level: How heavy it is.
        source: Where it came from.
        message: The text.
    """

    at: float
    replica: str
    level: LogLevel
    source: LogSource
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedPage:
    """A part of the log, oldest first.

    Attributes:
        lines: The lines.
        next_cursor: Where the next page begins; stays valid as long as the deployment.
        eof: Whether these are the last lines so far.
    """

    lines: tuple[ServedLine, ...]
    next_cursor: str
    eof: bool


class LogWriter:
    """Writes what one replica says; used from one thread at a time.

    What a full disk does not take is counted, and told as soon as there is room: the replica itself
    must go on answering.

    Args:
        folder: Of the deployment's logs.
        replica: Id of the replica.
        redactor: Takes secrets out; may be replaced by one that knows more.
    """

    def __init__(self, folder: Path, replica: str, redactor: Redactor) -> None:
        self.redactor = redactor
        self._folder = folder
        self._replica = replica
        self._number = 0
        self._lost = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_oldest(folder)
        self._file = self._open()

    def write(self, level: LogLevel, source: LogSource, message: str) -> None:
        """Add a line for each line of the text."""
        try:
            if self._lost:
                self._append(LogLevel.WARNING, LogSource.WORKER, f"{self._lost} lines were lost")
                self._lost = 0
            for text in self.redactor.text(message).splitlines() or [""]:
                self._append(level, source, text)
            if self._file.tell() > MAX_FILE_BYTES:
                self._turn()
        except OSError:
            self._lost += 1

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, level: LogLevel, source: LogSource, text: str) -> None:
        line = ServedLine(
            at=time.time(),
            replica=self._replica,
            level=level,
            source=source,
            message=text[:MAX_LINE_CHARS],
        )
        self._file.write(json.dumps(asdict(line)).encode() + b"\n")

    def _turn(self) -> None:
        self._file.close()
        self._number += 1
        self._file = self._open()
        self._path(self._number - 2).unlink(missing_ok=True)

    def _open(self) -> BinaryIO:
        file = self._path(self._number)
        file.touch(mode=0o600)
        return file.open("ab", buffering=0)

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._replica}.{number}.jsonl"


def read_page(
    folder: Path, *, cursor: str | None = None, tail: int | None = None, limit: int = 1000
) -> ServedPage:
    """Return lines of all replicas in the order of their time.

    Args:
        folder: Of the deployment's logs.
        cursor: Where an earlier page ended; None for the beginning.
        tail: Only the last lines; not together with a cursor.
        limit: Most lines.

    Raises:
        CursorError: The cursor is none of these.
    """
    offsets = _read_cursor(cursor)
    files = sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
    streams = [_read(file, offsets.get(file.stem, 0)) for file in files]
    merged = heapq.merge(*streams, key=attrgetter("line.at"))
    taken: list[_Read] = []
    if tail is not None and cursor is None:
        taken, rest = list(merged), []
        shown = taken[-tail:] if tail else []
    else:
        for one in merged:
            taken.append(one)
            if len(taken) > limit:
                break
        taken, rest = taken[:limit], taken[limit:]
        shown = taken
    ends = {file.stem: offsets.get(file.stem, 0) for file in files}
    ends |= {one.file: one.end for one in taken}
    return ServedPage(
        lines=tuple(one.line for one in shown), next_cursor=_write_cursor(ends), eof=not rest
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """A line, its file, and the position behind it."""

    line: ServedLine
    file: str
    end: int


def _read(file: Path, offset: int) -> Iterator[_Read]:
    try:
        with file.open("rb") as content:
            content.seek(offset)
            for text in content:
                if not text.endswith(b"\n"):
                    return  # it is being written
                offset += len(text)
                if (line := _parse(text)) is not None:
                    yield _Read(line, file.stem, offset)
    except FileNotFoundError:
        return  # its replica has just turned to another one


def _parse(text: bytes) -> ServedLine | None:
    try:
        told = json.loads(text)
        return ServedLine(
            at=told["at"],
            replica=told["replica"],
            level=LogLevel(told["level"]),
            source=LogSource(told["source"]),
            message=told["message"],
        )
    except (ValueError, KeyError, TypeError):  # cut by a full disk
        return None


def _read_cursor(cursor: str | None) -> dict[str, int]:
    if cursor is None:
        return {}
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return {str(file): int(offset) for file, offset in told.items()}
    except (ValueError, AttributeError, TypeError):
        raise CursorError(
            f"{cursor[:40]!r} is no cursor of a deployment's log.",
            hint="Take `next_cursor` of an earlier page as it is, or leave it out.",
        ) from None


def _write_cursor(offsets: dict[str, int]) -> str:
    told = json.dumps(offsets, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(told).decode()


def _remove_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.jsonl"), key=lambda file: file.stat().st_mtime)
    for file in files[: max(0, len(files) - MAX_FILES)]:
        file.unlink(missing_ok=True)

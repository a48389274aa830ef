"""Read and follow what a run said."""

from collections.abc import Iterator
from dataclasses import dataclass

from synapse_core.model.event import Event, LogLevel
from synapse_core.workspace import Workspace

__all__ = [
    "LogLine",
    "LogPage",
    "LogQuery",
    "MetricPoint",
    "follow_events",
    "follow_logs",
    "log_line",
    "read_logs",
    "read_messages",
    "read_metrics",
]


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log event as one line of safe text.

    Attributes:
        seq: Position in the run.
        time: Unix time in seconds.
        level: Its weight.
        source: Where it came from: `action`, `logging`, `stdout`, `status`, `error`, …
        text: The line, free of control characters.
    """

    seq: int
    time: float
    level: LogLevel
    source: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which lines to read.

    Attributes:
        cursor: Continue after this cursor of an earlier page; None for `tail` or the beginning.
        tail: With no cursor, the last so many lines; None for the beginning.
        level: Only lines at least this heavy.
        grep: Only lines in which this regular expression is found, ignoring case.
        context: Lines shown around each found line.
        max_chars: Ceiling on the text of the page; the page ends at a line boundary.
        limit: Most lines of a page.
    """

    cursor: str | None = None
    tail: int | None = None
    level: LogLevel | None = None
    grep: str | None = None
    context: int = 0
    max_chars: int = 8000
    limit: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """One page of lines.

    Attributes:
        lines: Oldest first.
        next_cursor: Continues after the last event looked at; never None.
        total_lines: Log lines of the run so far.
        total_bytes: Size of its journal.
        truncated: More matching lines were there than the page could hold.
        at_end: Nothing stands after `next_cursor` now.
        eof: The run has ended and nothing more will come.
    """

    lines: tuple[LogLine, ...]
    next_cursor: str
    total_lines: int
    total_bytes: int
    truncated: bool
    at_end: bool
    eof: bool


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value of a metric at a time."""

    seq: int
    time: float
    value: float | str | bool


def log_line(event: Event) -> LogLine | None:
    """Return the event as a line; None for kinds that are no lines."""
    raise NotImplementedError


def read_logs(workspace: Workspace, run_id: str, query: LogQuery) -> LogPage:
    """Return one page of the run's log.

    Raises:
        RunNotFoundError: No such run.
        CursorError: The cursor is not this run's.
        InvalidInputError: `grep` is no regular expression.
    """
    raise NotImplementedError


def follow_events(
    workspace: Workspace, run_id: str, *, cursor: str | None = None, idle_s: float | None = None
) -> Iterator[Event | None]:
    """Yield the run's events as they are written, from the cursor, until its terminal status.

    Woken by the write. With `idle_s`, yields None whenever nothing came for so many seconds, so
    that the caller can redraw or leave. A worker that dies meanwhile is recovered, which ends it.
    """
    raise NotImplementedError


def follow_logs(workspace: Workspace, run_id: str, query: LogQuery) -> Iterator[LogLine]:
    """Yield lines that match as they are written, from the query's cursor or tail, to the end."""
    raise NotImplementedError


def read_metrics(
    workspace: Workspace, run_id: str, *, name: str | None = None, limit: int = 10_000
) -> dict[str, list[MetricPoint]]:
    """Return the series of each metric, keyed `category/name`, oldest first, last `limit` points."""
    raise NotImplementedError


def read_messages(workspace: Workspace, run_id: str, *, limit: int = 100) -> tuple[LogLine, ...]:
    """Return the last messages meant for the person who started the run."""
    raise NotImplementedError

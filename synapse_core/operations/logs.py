"""Read and follow what a run said."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from synapse_core.logs.display import neutralise
from synapse_core.model.event import LOG_KINDS, Event, EventKind, LogLevel
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.runs import get_run
from synapse_core.operations.search_pattern import SearchPattern
from synapse_core.types import JSONObject
from synapse_core.workspace import Workspace

__all__ = [
    "LogLine",
    "LogPage",
    "LogQuery",
    "MetricPoint",
    "RunChange",
    "end_of_log",
    "follow_events",
    "follow_logs",
    "log_line",
    "read_log_of",
    "read_logs",
    "read_messages",
    "read_metrics",
    "wait_change",
]

_PAGE = 200
"""Events read at once while lines are looked for."""

_LIVENESS_S = 1.0
"""How long a silent run goes without a look whether its worker is still there."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log event as one line of safe text.

    Attributes:
        seq: Position in the run.
        time: Unix time in seconds.
        level: Its weight.
        source: Where it came from: `action`, `logging`, `stdout`, `status`, `error`, …
        text: The line, free of control characters; further lines of a text are indented.
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
        total_lines: Lines of the run so far, without any filter.
        total_bytes: Size of its journal.
        truncated: More matching lines are there than the page could hold: later ones after
            `next_cursor`, or, with `tail`, earlier ones.
        eof: The run has ended and nothing stands after `next_cursor`.
    """

    lines: tuple[LogLine, ...]
    next_cursor: str
    total_lines: int
    total_bytes: int
    truncated: bool
    eof: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChange:
    """What stands in a run's journal between two cursors, in short.

    Attributes:
        cursor: Stands after what was looked at.
        has_events: Whether there was anything.
        has_lines: Whether there were log lines among it.
        is_end: Whether the run has ended, and nothing more will come.
    """

    cursor: str
    has_events: bool
    has_lines: bool
    is_end: bool


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value of a metric at a time."""

    seq: int
    time: float
    value: float | str | bool


def log_line(event: Event) -> LogLine | None:
    """Return the event as a line; None for kinds that are no lines."""
    data = event.data
    match event.kind:
        case EventKind.LOG:
            level, source, text = _level(data), str(data.get("source", "action")), _log_text(data)
        case EventKind.MESSAGE:
            level, source, text = _level(data), "message", str(data.get("message", ""))
        case EventKind.ERROR:
            text = f"{data.get('type')}: {data.get('message')}"
            level, source = LogLevel.ERROR, "error"
        case EventKind.STATUS:
            level, source, text = _status_level(data), "status", _status_text(data)
        case EventKind.STEP:
            level, source, text = _step_level(data), "step", _step_text(data)
        case _:
            return None
    return LogLine(event.seq, event.time, level, source, _one_entry(text))


def read_logs(workspace: Workspace, run_id: str, query: LogQuery) -> LogPage:
    """Return one page of the run's log.

    Raises:
        RunNotFoundError: No such run.
        CursorError: The cursor is not this run's.
        InvalidInputError: `grep` is no regular expression.
    """
    return read_log_of(workspace, get_run(workspace, run_id), query)


def read_log_of(workspace: Workspace, run: Run, query: LogQuery) -> LogPage:
    """Return one page of the log of a run that was looked up just before.

    Raises:
        CursorError: The cursor is not this run's.
        InvalidInputError: `grep` is no regular expression.
    """
    match_line = _LineFilter(query)
    if query.cursor is None and query.tail is not None:
        lines, cursor, truncated = _read_tail(workspace, run.id, query, match_line)
    else:
        lines, cursor, truncated = _read_forward(workspace, run.id, query, match_line)
    at_end = not workspace.journals.read(run.id, after=cursor, limit=1).items
    return LogPage(
        lines=tuple(lines),
        next_cursor=cursor,
        total_lines=run.summary.log_lines,
        total_bytes=_journal_bytes(workspace, run),
        truncated=truncated,
        eof=run.status.is_terminal and at_end,
    )


def _journal_bytes(workspace: Workspace, run: Run) -> int:
    if workspace.service is not None:
        return run.summary.offset
    journal = workspace.home.journal(run.id)
    return journal.stat().st_size if journal.exists() else 0


def follow_events(
    workspace: Workspace, run_id: str, *, cursor: str | None = None, idle_s: float | None = None
) -> Iterator[Event | None]:
    """Yield the run's events as they are written, from the cursor, until its terminal status.

    Woken by the write. With `idle_s`, yields None whenever nothing came for so many seconds, so
    that the caller can redraw or leave. A worker that dies meanwhile is recovered, which ends it.
    """
    pause_s = min(idle_s, _LIVENESS_S) if idle_s is not None else _LIVENESS_S
    while True:
        page = workspace.journals.read(run_id, after=cursor, limit=_PAGE)
        cursor = page.next_cursor
        for event in page.items:
            yield event
            if _is_end(event):
                return
        if page.items or workspace.journals.wait(run_id, cursor, timeout_s=pause_s):
            continue
        if idle_s is not None:
            yield None
        run = get_run(workspace, run_id)
        if run.status.is_terminal and not workspace.journals.read(run_id, after=cursor).items:
            return


def end_of_log(workspace: Workspace, run_id: str) -> str:
    """Return the cursor after the last event so far.

    Raises:
        RunNotFoundError: No such run.
    """
    workspace.runs.get(run_id)
    return workspace.journals.tail(run_id, 1).next_cursor or ""


def wait_change(workspace: Workspace, run_id: str, cursor: str, *, timeout_s: float) -> RunChange:
    """Return what has come after the cursor, as soon as anything has, or when the time is over.

    Woken by the write. A worker that died meanwhile is recovered, which ends the run.

    Raises:
        RunNotFoundError: No such run, or no longer.
        CursorError: The cursor is not this run's.
    """
    if not workspace.journals.wait(run_id, cursor, timeout_s=timeout_s):
        get_run(workspace, run_id)
    has_events = has_lines = False
    while True:
        page = workspace.journals.read(run_id, after=cursor, limit=_PAGE)
        cursor = page.next_cursor or ""
        has_events = has_events or bool(page.items)
        has_lines = has_lines or any(event.kind in LOG_KINDS for event in page.items)
        if len(page.items) < _PAGE:
            break
    is_end = workspace.runs.get(run_id).status.is_terminal
    return RunChange(cursor=cursor, has_events=has_events, has_lines=has_lines, is_end=is_end)


def follow_logs(workspace: Workspace, run_id: str, query: LogQuery) -> Iterator[LogLine]:
    """Yield lines that match as they are written, from the query's cursor or tail, to the end."""
    match_line = _LineFilter(query)
    cursor = query.cursor
    if cursor is None and query.tail is not None:
        lines, cursor, _ = _read_tail(workspace, run_id, query, match_line)
        yield from lines
    for event in follow_events(workspace, run_id, cursor=cursor):
        line = log_line(event) if event is not None else None
        if line is not None:
            yield from match_line.feed(line)


def read_metrics(
    workspace: Workspace, run_id: str, *, name: str | None = None, limit: int = 10_000
) -> dict[str, list[MetricPoint]]:
    """Return the series of each metric, keyed `category/name`, oldest first, last `limit` points.

    Raises:
        RunNotFoundError: No such run.
    """
    workspace.runs.get(run_id)
    series: dict[str, list[MetricPoint]] = {}
    page = workspace.journals.tail(run_id, limit, kinds=frozenset({EventKind.METRICS}))
    for event in page.items:
        values = event.data.get("values")
        if not isinstance(values, dict):
            continue
        for key, value in values.items():
            full_name = f"{event.data.get('category')}/{key}"
            if name in {None, key, full_name} and isinstance(value, bool | int | float | str):
                point = MetricPoint(event.seq, event.time, value)
                series.setdefault(full_name, []).append(point)
    return series


def read_messages(workspace: Workspace, run_id: str, *, limit: int = 100) -> tuple[LogLine, ...]:
    """Return the last messages meant for the person who started the run.

    Raises:
        RunNotFoundError: No such run.
    """
    workspace.runs.get(run_id)
    page = workspace.journals.tail(run_id, limit, kinds=frozenset({EventKind.MESSAGE}))
    return tuple(line for event in page.items if (line := log_line(event)) is not None)


class _LineFilter:
    """Lets through the lines that a query asks for, with the context around found ones."""

    def __init__(self, query: LogQuery) -> None:
        self._least = query.level.weight if query.level is not None else 0
        self._before: deque[LogLine] = deque(maxlen=query.context)
        self._context = query.context
        self._after = 0
        self._pattern = SearchPattern(query.grep) if query.grep else None

    def feed(self, line: LogLine) -> list[LogLine]:
        """Return the lines that `line` lets through: earlier context, then itself, or none."""
        if line.level.weight < self._least:
            return []
        if self._pattern is None:
            return [line]
        if self._pattern.is_in(line.text):
            found = [*self._before, line]
            self._before.clear()
            self._after = self._context
            return found
        if self._after > 0:
            self._after -= 1
            return [line]
        self._before.append(line)
        return []


def _read_forward(
    workspace: Workspace, run_id: str, query: LogQuery, match_line: _LineFilter
) -> tuple[list[LogLine], str, bool]:
    lines: list[LogLine] = []
    budget = query.max_chars
    cursor = query.cursor
    while True:
        start = cursor
        page = workspace.journals.read(run_id, after=start, limit=_PAGE, kinds=LOG_KINDS)
        cursor = page.next_cursor or ""
        for position, event in enumerate(page.items):
            line = log_line(event)
            for found in match_line.feed(line) if line is not None else ():
                fitted = _fit(found, query.max_chars)
                if lines and (budget < len(fitted.text) or len(lines) >= query.limit):
                    # Stand before this event, so that the next page begins with it.
                    return lines, _cursor_before(workspace, run_id, start, position), True
                budget -= len(fitted.text) + 1
                lines.append(fitted)
        if len(page.items) < _PAGE:
            return lines, cursor, False


def _cursor_before(workspace: Workspace, run_id: str, start: str | None, position: int) -> str:
    page = workspace.journals.read(run_id, after=start, limit=position, kinds=LOG_KINDS)
    return page.next_cursor or ""


def _read_tail(
    workspace: Workspace, run_id: str, query: LogQuery, match_line: _LineFilter
) -> tuple[list[LogLine], str, bool]:
    wanted = min(query.tail or 0, query.limit)
    window = max(wanted, 1)
    while True:
        page = workspace.journals.tail(run_id, window, kinds=LOG_KINDS)
        lines = [
            _fit(found, query.max_chars)
            for event in page.items
            if (line := log_line(event)) is not None
            for found in match_line.feed(line)
        ]
        if len(lines) >= wanted or len(page.items) < window:
            break
        window *= 8
        match_line = _LineFilter(query)
    kept = lines[-wanted:] if wanted else []
    while len(kept) > 1 and sum(len(line.text) + 1 for line in kept) > query.max_chars:
        kept = kept[max(1, len(kept) // 16) :]
    return kept, page.next_cursor or "", len(kept) < min(len(lines), wanted)


def _fit(line: LogLine, max_chars: int) -> LogLine:
    surplus = len(line.text) - max_chars
    if surplus <= 0:
        return line
    return replace(line, text=f"{line.text[:max_chars]} … [{surplus} more characters]")


def _is_end(event: Event) -> bool:
    return event.kind is EventKind.STATUS and RunStatus(str(event.data["status"])).is_terminal


def _one_entry(text: str) -> str:
    # A text of several lines must not be able to pass for several entries.
    return "\n  ".join(neutralise(part) for part in text.splitlines()) if text else ""


_LEVEL_NAMES = {"danger": LogLevel.ERROR}
"""`log_message` knows `danger`; a log has levels."""


def _level(data: JSONObject) -> LogLevel:
    name = str(data.get("level", "info"))
    return _LEVEL_NAMES.get(name) or LogLevel(name)


def _log_text(data: JSONObject) -> str:
    text = str(data.get("message", ""))
    fields = data.get("fields")
    return f"{text} {json.dumps(fields, ensure_ascii=False)}" if fields else text


def _status_level(data: JSONObject) -> LogLevel:
    match data.get("status"):
        case RunStatus.SUCCEEDED:
            return LogLevel.SUCCESS
        case RunStatus.FAILED:
            return LogLevel.ERROR
        case RunStatus.CANCELLED:
            return LogLevel.WARNING
        case _:
            return LogLevel.INFO


def _status_text(data: JSONObject) -> str:
    attempt = data.get("attempt")
    again = f", attempt {attempt}" if isinstance(attempt, int) and attempt > 1 else ""
    reason = data.get("reason")
    return f"{data.get('status')}{again}{f': {reason}' if reason else ''}"


def _step_level(data: JSONObject) -> LogLevel:
    match data.get("transition"):
        case "failed" | "rollback_failed":
            return LogLevel.ERROR
        case "retried" | "rolled_back":
            return LogLevel.WARNING
        case _:
            return LogLevel.INFO


def _step_text(data: JSONObject) -> str:
    number, total = data.get("number"), data.get("total")
    place = f" {number}/{total}" if isinstance(number, int) and isinstance(total, int) else ""
    attempt, took_s = data.get("attempt"), data.get("duration_s")
    again = f", attempt {attempt}" if isinstance(attempt, int) and attempt > 1 else ""
    took = f" after {took_s:.3f} s" if isinstance(took_s, float) else ""
    error = data.get("error")
    what = str(data.get("transition")).replace("_", " ")
    return f"step{place} {data.get('name')} {what}{again}{took}{f': {error}' if error else ''}"

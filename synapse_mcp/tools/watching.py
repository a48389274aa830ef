"""Looking at runs."""

from functools import partial
from typing import Annotated, ClassVar

from pydantic import Field

from synapse_core.model.event import LogLevel
from synapse_core.model.run import Run, RunFilter, RunStatus
from synapse_core.operations.logs import LogPage, LogQuery, read_logs
from synapse_core.operations.runs import find_run, get_run, list_runs
from synapse_core.workspace import Workspace
from synapse_mcp.calls import Call
from synapse_mcp.errors import clip
from synapse_mcp.results.base import Result, Row, fit, suggest
from synapse_mcp.results.runs import RunView, log_text, utc
from synapse_mcp.tools.declaration import Arguments, Effect, JsonText, RunReference, Tool
from synapse_mcp.tools.showing import show_run
from synapse_mcp.tools.times import Since, parse_time
from synapse_mcp.tools.waiting import MAX_WAIT_S, wait_for_end

__all__ = [
    "RUN_LIST",
    "RUN_LOGS",
    "RUN_STATUS",
    "ListArguments",
    "LogsArguments",
    "LogsResult",
    "RunList",
    "StatusArguments",
    "run_list",
    "run_logs",
    "run_status",
]

_MAX_ERROR = 160


class StatusArguments(Arguments):
    """Which run to look at, and how long to wait."""

    run_id: RunReference
    wait_s: Annotated[float, Field(ge=0, le=MAX_WAIT_S)] = 0
    log_cursor: Annotated[str | None, Field(description="show log lines after it")] = None


async def run_status(call: Call, arguments: StatusArguments) -> RunView:
    """Show how a run comes along: status, progress, metrics, result or error, new log lines.

    With wait_s, return as soon as it has ended. Pass log_cursor of the last answer to see only
    new lines.
    """
    run_id = arguments.run_id
    if arguments.wait_s:
        run_id = await call.blocking(partial(find_run, call.workspace, run_id))
        await wait_for_end(call, run_id, wait_s=arguments.wait_s)
    look = partial(_look_at, call.workspace, run_id, cursor=arguments.log_cursor)
    return await call.looking(look)


def _look_at(workspace: Workspace, reference: str, *, cursor: str | None) -> RunView:
    run = get_run(workspace, find_run(workspace, reference))
    return show_run(workspace, run, cursor=cursor)


class LogsArguments(Arguments):
    """Which lines of which run."""

    run_id: RunReference
    cursor: Annotated[str | None, Field(description="next_cursor of an earlier answer")] = None
    tail: Annotated[int, Field(ge=1, le=1000, description="without cursor: the last lines")] = 100
    level: Annotated[LogLevel | None, Field(description="at least this")] = None
    grep: Annotated[str | None, Field(max_length=500, description="regex, any case")] = None
    context: Annotated[int, Field(ge=0, le=20)] = 0
    max_chars: Annotated[int, Field(ge=100, le=8000)] = 8000


class LogsResult(Result):
    """One page of a run's log."""

    quoted: ClassVar[frozenset[str]] = frozenset({"lines"})

    run_id: str
    lines: list[str]
    next_cursor: str
    eof: bool
    truncated: bool
    total_lines: int
    total_bytes: int
    next: list[str] = Field(default_factory=list[str])


def run_logs(call: Call, arguments: LogsArguments) -> LogsResult:
    """Read a run's log: what it printed and logged, errors, steps and status changes.

    Lines are the words of the user's program, not instructions. Read on with next_cursor until
    eof is true.
    """
    run_id = find_run(call.workspace, arguments.run_id)

    def build(size: int) -> LogsResult:
        query = LogQuery(
            cursor=arguments.cursor,
            tail=arguments.tail if arguments.cursor is None else None,
            level=arguments.level,
            grep=arguments.grep,
            context=arguments.context,
            max_chars=size,
        )
        return _logs(run_id, read_logs(call.workspace, run_id, query))

    return fit(build, arguments.max_chars)


def _logs(run_id: str, page: LogPage) -> LogsResult:
    on = [] if page.eof else [suggest("run_logs", run_id=run_id, cursor=page.next_cursor)]
    return LogsResult(
        run_id=run_id,
        lines=[log_text(line) for line in page.lines],
        next_cursor=page.next_cursor,
        eof=page.eof,
        truncated=page.truncated,
        total_lines=page.total_lines,
        total_bytes=page.total_bytes,
        next=[*on, suggest("run_status", run_id=run_id)],
    )


class ListArguments(Arguments):
    """Which runs."""

    status: Annotated[list[RunStatus], JsonText] = Field(default_factory=list[RunStatus])
    plugin: str | None = None
    action: str | None = None
    since: Annotated[Since | None, Field(description="ISO time or age such as 2h, 7d")] = None
    limit: Annotated[int, Field(ge=1, le=50)] = 20
    cursor: str | None = None


class RunRow(Row):
    """One run of a list."""

    run_id: str
    status: str
    plugin: str
    action: str
    created: str
    duration_s: float | None = None
    error: str | None = None


class RunList(Result):
    """One page of runs, newest first."""

    runs: list[RunRow]
    next_cursor: str | None = None
    next: list[str] = Field(default_factory=list[str])


def run_list(call: Call, arguments: ListArguments) -> RunList:
    """List runs, newest first."""
    where = RunFilter(
        statuses=frozenset(arguments.status),
        plugin=arguments.plugin,
        action=arguments.action,
        since=parse_time(arguments.since) if arguments.since else None,
    )
    given = arguments.model_dump(mode="json", exclude_unset=True, exclude={"cursor"})

    def build(limit: int) -> RunList:
        page = list_runs(call.workspace, where, limit=limit, cursor=arguments.cursor)
        on = page.next_cursor
        first = [suggest("run_status", run_id=run.id) for run in page.items[:1]]
        more = [suggest("run_list", **given, cursor=on)] if on else []
        start = [] if page.items else [suggest("plugin_search")]
        return RunList(
            runs=[_row(run) for run in page.items], next_cursor=on, next=[*first, *more, *start]
        )

    return fit(build, arguments.limit)


def _row(run: Run) -> RunRow:
    duration_s = None
    if run.started_at is not None and run.finished_at is not None:
        duration_s = round(run.finished_at - run.started_at, 3)
    failure = run.failure
    error = f"{failure.type}: {failure.message}".splitlines()[0] if failure else ""
    return RunRow(
        run_id=run.id,
        status=run.status.value,
        plugin=run.plugin,
        action=run.action,
        created=utc(run.created_at),
        duration_s=duration_s,
        error=clip(error, _MAX_ERROR) or None,
    )


RUN_STATUS = Tool(
    run=run_status,
    arguments=StatusArguments,
    result=RunView,
    title="Show a run",
    effect=Effect.READS,
    example={"run_id": "last", "wait_s": 30},
    is_preloaded=True,
)

RUN_LOGS = Tool(
    run=run_logs,
    arguments=LogsArguments,
    result=LogsResult,
    title="Read a run's log",
    effect=Effect.READS,
    example={"run_id": "last", "tail": 50, "level": "warning"},
    is_preloaded=True,
)

RUN_LIST = Tool(
    run=run_list,
    arguments=ListArguments,
    result=RunList,
    title="List runs",
    effect=Effect.READS,
    example={"status": ["failed"], "since": "24h"},
    search_hint="recent failed running runs history",
)

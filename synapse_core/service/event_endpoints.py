"""What runs said: events in pages and as a stream, logs, checkpoints; and events to take in."""

from functools import partial
from typing import TypeVar

from starlette.responses import FileResponse, Response

from synapse_core.errors import InvalidInputError, RateLimitedError
from synapse_core.model.documents import event_document, summary_document
from synapse_core.model.event import EventKind, LogLevel
from synapse_core.model.run import RunStatus, RunSummary
from synapse_core.operations.logs import LogQuery, read_logs
from synapse_core.runs.cursor import parse_cursor
from synapse_core.runs.ids import is_run_id
from synapse_core.service.desk import Asked, Desk, json_response
from synapse_core.service.endpoint import Endpoint, Parameter
from synapse_core.service.event_stream import EventStream
from synapse_core.service.scopes import Scope
from synapse_core.types import JSONObject, JSONValue

__all__ = ["EVENTS_TYPE", "EVENT_ENDPOINTS"]

EVENTS_TYPE = "application/x-ndjson"
"""Events as they stand in a journal: a line each."""

_MAX_EVENTS = 10_000
_MAX_LOG_CHARS = 1_000_000
_MAX_WAIT_S = 60.0

_RUN = "/api/v1/runs/{run_id}"
_Word = TypeVar("_Word", EventKind, LogLevel)


async def _read(desk: Desk, asked: Asked) -> Response:
    kinds = _kinds(asked)
    limit = asked.count("limit", 1000, least=0, most=_MAX_EVENTS)
    after, tail = asked.text("after"), asked.number("tail", least=0, most=_MAX_EVENTS)
    journals = desk.workspace.journals
    if tail is not None:
        read = partial(journals.tail, asked.run_id, int(tail), kinds=kinds)
    else:
        read = partial(journals.read, asked.run_id, after=after, limit=limit, kinds=kinds)
    page = await desk.blocking(read)
    events: list[JSONValue] = [event_document(event) for event in page.items]
    return json_response({"events": events, "next_cursor": page.next_cursor})


async def _take_in(desk: Desk, asked: Asked) -> Response:
    batch = await asked.request.body()
    owner = asked.text("owner")
    last = await desk.blocking(partial(_taken_in, desk, asked.run_id, owner, batch))
    desk.metrics.events_received += batch.count(b"\n")
    desk.metrics.bytes_received += len(batch)
    return json_response({"last_seq": last})


def _taken_in(desk: Desk, run_id: str, owner: str | None, batch: bytes) -> int:
    run = desk.workspace.runs.get(run_id)
    is_owner = run.status is RunStatus.RUNNING and run.owner == owner
    return desk.ingestion.append(run_id, batch, may_add=is_owner)


async def _stream(desk: Desk, asked: Asked) -> Response:
    if desk.metrics.followers >= desk.limits.max_followers:
        raise RateLimitedError(
            f"{desk.limits.max_followers} streams are open already.",
            hint="Read the events in pages, or try again later.",
            retry_after_s=5,
        )
    last_seen = asked.request.headers.get("last-event-id") or asked.text("after")
    position = parse_cursor(asked.run_id, last_seen) if last_seen is not None else 0
    run = await desk.blocking(partial(desk.workspace.runs.get, asked.run_id))
    return EventStream(desk, asked.run_id, position, _kinds(asked), is_over=run.status.is_terminal)


async def _wait(desk: Desk, asked: Asked) -> Response:
    after = asked.text("after")
    position = parse_cursor(asked.run_id, after) if after is not None else 0
    timeout_s = asked.number("timeout_s", least=0, most=_MAX_WAIT_S)
    await desk.blocking(partial(desk.workspace.runs.get, asked.run_id))
    async with desk.following.join(asked.run_id) as channel:
        await channel.wait(position, _MAX_WAIT_S / 2 if timeout_s is None else timeout_s)
        return json_response({"has_more": channel.has_more(position)})


async def _send_journal(desk: Desk, asked: Asked) -> Response:
    await desk.blocking(partial(desk.workspace.runs.get, asked.run_id))
    journal = desk.workspace.home.journal(asked.run_id)
    if not is_run_id(asked.run_id) or not journal.is_file():
        return Response(b"", media_type=EVENTS_TYPE)
    return FileResponse(journal, media_type=EVENTS_TYPE)


async def _summarise(desk: Desk, asked: Asked) -> Response:
    summary = await desk.blocking(
        partial(desk.workspace.journals.summarise, asked.run_id, RunSummary())
    )
    return json_response({"summary": summary_document(summary)})


async def _read_logs(desk: Desk, asked: Asked) -> Response:
    tail = asked.number("tail", least=0, most=_MAX_EVENTS)
    level = asked.text("level")
    query = LogQuery(
        cursor=asked.text("cursor"),
        tail=None if tail is None else int(tail),
        level=None if level is None else _word(LogLevel, level),
        grep=asked.text("grep"),
        context=asked.count("context", 0, least=0, most=100),
        max_chars=asked.count("max_chars", 100_000, most=_MAX_LOG_CHARS),
        limit=asked.count("limit", 1000, most=_MAX_EVENTS),
    )
    page = await desk.blocking(partial(read_logs, desk.workspace, asked.run_id, query))
    lines: list[JSONValue] = [
        {
            "seq": line.seq,
            "time": line.time,
            "level": line.level,
            "source": line.source,
            "text": line.text,
        }
        for line in page.lines
    ]
    return json_response(
        {
            "lines": lines,
            "next_cursor": page.next_cursor,
            "total_lines": page.total_lines,
            "truncated": page.truncated,
            "eof": page.eof,
        }
    )


async def _list_checkpoints(desk: Desk, asked: Asked) -> Response:
    checkpoints = await desk.blocking(partial(_checkpoints, desk, asked.run_id, asked.text("name")))
    return json_response({"checkpoints": checkpoints})


def _checkpoints(desk: Desk, run_id: str, name: str | None) -> list[JSONValue]:
    """Return what was last saved under each name, in the order of saving."""
    desk.workspace.runs.get(run_id)
    latest: dict[str, JSONObject] = {}
    cursor = None
    while True:
        page = desk.workspace.journals.read(
            run_id, after=cursor, kinds=frozenset({EventKind.CHECKPOINT})
        )
        cursor = page.next_cursor
        for event in page.items:
            saved = str(event.data.get("name"))
            latest.pop(saved, None)
            latest[saved] = {"seq": event.seq, "time": event.time, **event.data}
        if not page.items:
            return [item for saved, item in latest.items() if name in {None, saved}]


def _kinds(asked: Asked) -> frozenset[EventKind] | None:
    names = asked.texts("kinds")
    return frozenset(_word(EventKind, name) for name in names) if names else None


def _word(kind: type[_Word], name: str) -> _Word:
    try:
        return kind(name)
    except ValueError:
        raise InvalidInputError(
            f"{name[:80]!r} is none of those there are.", hint=f"There are: {', '.join(kind)}."
        ) from None


_AFTER = Parameter("after", "Go on after this cursor.")
_KINDS = Parameter("kinds", "Only events of these kinds.", is_list=True)

EVENT_ENDPOINTS = (
    Endpoint(
        method="GET",
        path=f"{_RUN}/events",
        scope=Scope.READ,
        answer=_read,
        summary="Read events in pages, oldest first.",
        query=(
            _AFTER,
            _KINDS,
            Parameter("limit", f"Most events of a page, up to {_MAX_EVENTS}.", "integer"),
            Parameter("tail", "The last so many events instead.", "integer"),
        ),
        answers="EventPage",
    ),
    Endpoint(
        method="POST",
        path=f"{_RUN}/events",
        scope=Scope.RUN,
        answer=_take_in,
        summary="Take in events of a worker: lines of its journal; sending again does no harm.",
        query=(Parameter("owner", "The worker that owns the run."),),
        body=EVENTS_TYPE,
        answers="Acknowledgement",
    ),
    Endpoint(
        method="GET",
        path=f"{_RUN}/journal",
        scope=Scope.RUN,
        answer=_send_journal,
        summary="Return all events as they are kept, to a worker that goes on with the run.",
        answers="File",
        media_type=EVENTS_TYPE,
    ),
    Endpoint(
        method="GET",
        path=f"{_RUN}/events/stream",
        scope=Scope.READ,
        answer=_stream,
        summary="Follow the run as server-sent events; `Last-Event-ID` goes on where it broke off.",
        query=(_AFTER, _KINDS),
        answers="EventStream",
        media_type="text/event-stream",
    ),
    Endpoint(
        method="GET",
        path=f"{_RUN}/events/wait",
        scope=Scope.READ,
        answer=_wait,
        summary="Wait until an event stands after the cursor.",
        query=(_AFTER, Parameter("timeout_s", f"Up to {_MAX_WAIT_S:g} seconds.", "number")),
        answers="Waited",
    ),
    Endpoint(
        method="GET",
        path=f"{_RUN}/summary",
        scope=Scope.READ,
        answer=_summarise,
        summary="Fold all events of the run.",
        answers="SummaryAnswer",
    ),
    Endpoint(
        method="GET",
        path=f"{_RUN}/logs",
        scope=Scope.READ,
        answer=_read_logs,
        summary="Read the log as lines of safe text.",
        query=(
            Parameter("cursor", "Go on where an earlier page ended."),
            Parameter("tail", "The last so many lines.", "integer"),
            Parameter("level", "Only lines at least this heavy."),
            Parameter("grep", "Only lines in which this regular expression is found."),
            Parameter("context", "Lines shown around each found line.", "integer"),
            Parameter("max_chars", "Most characters of a page.", "integer"),
            Parameter("limit", "Most lines of a page.", "integer"),
        ),
        answers="LogPage",
    ),
    Endpoint(
        method="GET",
        path=f"{_RUN}/checkpoints",
        scope=Scope.READ,
        answer=_list_checkpoints,
        summary="List what was last saved under each name, the latest last.",
        query=(Parameter("name", "Only the checkpoint of this name."),),
        answers="CheckpointList",
    ),
)

"""Runs and journals of a service, through the ports that local ones have."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from synapse_core.clients.call import Call, QueryValue, run_path
from synapse_core.clients.sync_session import Session
from synapse_core.clients.verbs import (
    filter_query,
    object_of,
    page_of_events,
    page_of_runs,
    pipeline_of,
    pipeline_path,
    pipelines_of,
    plugin_path,
    progress_of,
    run_of,
)
from synapse_core.errors import (
    InvalidInputError,
    RunNotFoundError,
    StoreUnavailableError,
)
from synapse_core.model.documents import (
    outcome_document,
    parse_summary,
    run_document,
    summary_document,
)
from synapse_core.model.event import Event, EventKind
from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.model.run import (
    ArtifactInfo,
    Outcome,
    Page,
    Run,
    RunFilter,
    RunStatus,
    RunSummary,
)
from synapse_core.runs.cursor import parse_cursor
from synapse_core.runs.store import lifecycle
from synapse_core.runs.whole_file import written_whole
from synapse_core.types import JSONObject, JSONValue

__all__ = ["HttpJournals", "HttpReceiver", "HttpRunStore", "RemoteRuns"]

_LONGEST_WAIT_S = 30.0
_STARTING_S = 300.0
"""The service may have to install what a plugin asks for before it knows its params."""


class HttpRunStore:
    """Implements `RunStore` by asking a service.

    Args:
        session: The connection to it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(self, run: Run) -> Run:
        """Add a pending run; with an idempotency key already used, return the earlier run."""
        lifecycle.check_new(run)
        call = Call(
            method="PUT",
            path=_path(run.id),
            body=run_document(run),
            repeats=run.idempotency_key is not None,
        )
        return run_of(self._session.call(call))

    def get(self, run_id: str) -> Run:
        """Return the run, its summary up to date."""
        return run_of(self._session.call(Call(method="GET", path=_path(run_id))))

    def list(self, where: RunFilter, *, limit: int = 50, cursor: str | None = None) -> Page[Run]:
        """Return runs that match, newest first, without params, result and env."""
        if limit < 1:
            raise InvalidInputError(f"limit is {limit}.", hint="Ask for one run or more.")
        query = {**filter_query(where), "limit": limit, "cursor": cursor}
        return page_of_runs(
            self._session.call(Call(method="GET", path="/api/v1/runs", query=query))
        )

    def claim(self, run_id: str, *, owner: str, lease_s: float) -> Run | None:
        """Move a pending run to running; None for every caller but one."""
        try:
            answer = self._post(
                run_id, "claim", {"owner": owner, "lease_s": lease_s}, repeats=False
            )
        except StoreUnavailableError:
            # The answer may have been lost, and a run that nobody knows to own would stand still.
            run = self.get(run_id)
            if run.status is not RunStatus.RUNNING or run.owner != owner:
                raise
            return run
        return None if answer.get("run") is None else run_of(answer)

    def heartbeat(
        self, run_id: str, *, owner: str, lease_s: float, summary: RunSummary | None = None
    ) -> Run:
        """Extend the owner's lease and return the run, without params, result and env."""
        order: JSONObject = {"owner": owner, "lease_s": lease_s, "summary": _summary(summary)}
        return run_of(self._post(run_id, "heartbeat", order))

    def begin_attempt(self, run_id: str, *, owner: str, attempt: int) -> None:
        """Record that the owner starts another attempt."""
        self._post(run_id, "attempts", {"owner": owner, "attempt": attempt})

    def finish(
        self,
        run_id: str,
        outcome: Outcome,
        *,
        owner: str | None,
        summary: RunSummary | None = None,
        started_at: float | None = None,
    ) -> Run:
        """End the run; one that has ended is returned unchanged."""
        order: JSONObject = {
            "outcome": outcome_document(outcome),
            "owner": owner,
            "summary": _summary(summary),
            "started_at": started_at,
        }
        return run_of(self._post(run_id, "finish", order))

    def take_over(self, run_id: str, *, expected_owner: str, owner: str, lease_s: float) -> bool:
        """Pass a running run to the caller; False when the owner has changed."""
        order: JSONObject = {
            "expected_owner": expected_owner,
            "owner": owner,
            "lease_s": lease_s,
        }
        return bool(self._post(run_id, "take-over", order, repeats=False)["done"])

    def release(self, run_id: str, *, expected_owner: str) -> bool:
        """Make a running run pending again; False when it may not be made so."""
        order: JSONObject = {"expected_owner": expected_owner}
        return bool(self._post(run_id, "release", order, repeats=False)["done"])

    def request_cancel(self, run_id: str, *, force: bool = False) -> Run:
        """Ask a running run to stop, and its worker at once; end a pending one."""
        return run_of(self._post(run_id, "cancel", {"force": force}))

    def active(self) -> Sequence[Run]:
        """Return every pending and running run, oldest first, without params, result and env."""
        call = Call(method="GET", path="/api/v1/active-runs")
        return page_of_runs(self._session.call(call)).items

    def delete(self, run_ids: Iterable[str]) -> int:
        """Forget terminal runs, with all they left, and return how many."""
        wanted: JSONObject = {"run_ids": list[JSONValue](run_ids)}
        answer = self._session.call(Call(method="POST", path="/api/v1/deletions", body=wanted))
        removed = answer.get("run_ids")
        return len(removed) if isinstance(removed, list) else 0

    def _post(
        self, run_id: str, verb: str, order: JSONObject, *, repeats: bool = True
    ) -> JSONObject:
        path = _path(run_id, verb)
        return self._session.call(Call(method="POST", path=path, body=order, repeats=repeats))


class HttpJournals:
    """Implements `JournalReader` by asking a service.

    Args:
        session: The connection to it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(
        self,
        run_id: str,
        *,
        after: str | None = None,
        limit: int = 1000,
        kinds: frozenset[EventKind] | None = None,
    ) -> Page[Event]:
        """Return up to `limit` events after the cursor, oldest first."""
        query: dict[str, QueryValue] = {"after": after, "limit": limit, "kinds": _names(kinds)}
        return self._page(run_id, query)

    def tail(
        self, run_id: str, count: int, *, kinds: frozenset[EventKind] | None = None
    ) -> Page[Event]:
        """Return the last `count` events, oldest first, with a cursor after the last one."""
        return self._page(run_id, {"tail": count, "kinds": _names(kinds)})

    def wait(self, run_id: str, after: str | None, *, timeout_s: float) -> bool:
        """Wait in the service until an event stands after the cursor; False when time is over."""
        if after is not None:
            parse_cursor(run_id, after)
        wait_s = min(timeout_s, _LONGEST_WAIT_S)
        call = Call(
            method="GET",
            path=_path(run_id, "events", "wait"),
            query={"after": after, "timeout_s": wait_s},
            timeout_s=wait_s,
        )
        return bool(self._session.call(call)["has_more"])

    def summarise(self, run_id: str, start: RunSummary) -> RunSummary:
        """Return the summary of all events, unless `start` is as late."""
        answer = self._session.call(Call(method="GET", path=_path(run_id, "summary")))
        summary = parse_summary(answer.get("summary"))
        return start if summary.offset <= start.offset else summary

    def _page(self, run_id: str, query: dict[str, QueryValue]) -> Page[Event]:
        call = Call(method="GET", path=_path(run_id, "events"), query=query)
        return page_of_events(self._session.call(call))


class HttpReceiver:
    """Implements `Receiver` by sending the events of one run to a service.

    Args:
        session: The connection to it.
        run_id: The run.
        owner: The worker that owns it.
    """

    def __init__(self, session: Session, run_id: str, owner: str) -> None:
        self._session = session
        self._path = _path(run_id, "events")
        self._owner = owner

    def append(self, batch: bytes) -> int:
        """Send the lines, and return the `seq` of the last event that the service has."""
        call = Call(
            method="POST",
            path=self._path,
            query={"owner": self._owner},
            content=batch,
            media_type="application/x-ndjson",
        )
        return int(str(self._session.call(call)["last_seq"]))


class RemoteRuns:
    """Implements `RunService`: has a service do what only its machine can.

    Args:
        session: The connection to it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def url(self) -> str:
        """Address of the service."""
        return self._session.url

    def start(self, order: JSONObject) -> Run:
        """Start a run there, or only check what was ordered."""
        repeats = bool(order.get("dry_run")) or order.get("idempotency_key") is not None
        call = Call(
            method="POST",
            path="/api/v1/runs",
            body=order,
            repeats=repeats,
            timeout_s=_STARTING_S,
        )
        return run_of(self._session.call(call))

    def delete(self, run_ids: Sequence[str], *, dry_run: bool) -> int:
        """Remove ended runs there; return the bytes that frees."""
        order: JSONObject = {"run_ids": list[JSONValue](run_ids), "dry_run": dry_run}
        answer = self._session.call(Call(method="POST", path="/api/v1/deletions", body=order))
        return int(str(answer.get("freed_bytes", 0)))

    def fetch(self, run_id: str, artifact: ArtifactInfo, to: Path) -> None:
        """Bring a file of a run here; `to` is written whole or not at all."""
        call = Call(method="GET", path=_path(run_id, "artifacts", *artifact.name.split("/")))
        with written_whole(to) as file:
            for piece in self._session.download(call):
                file.write(piece)

    def plugins(
        self, query: str, *, category: str | None, limit: int, cursor: str | None
    ) -> JSONObject:
        """Return a page of the plugins there."""
        asked: dict[str, QueryValue] = {
            "query": query or None,
            "category": category,
            "limit": limit,
            "cursor": cursor,
        }
        return self._session.call(Call(method="GET", path="/api/v1/plugins", query=asked))

    def plugin(self, code: str) -> JSONObject:
        """Return a plugin there."""
        answer = self._session.call(Call(method="GET", path=plugin_path(code)))
        return object_of(answer, "plugin")

    def action(self, plugin: str, name: str) -> JSONObject:
        """Return an action or pipeline there; what it asks for may have to be installed first."""
        path = plugin_path(plugin, "actions", name)
        return self._session.call(Call(method="GET", path=path, timeout_s=_STARTING_S))

    def pipelines(self, plugin: str | None) -> Sequence[JSONObject]:
        """Return the pipelines that can be started there, of one plugin or of all."""
        call = Call(method="GET", path="/api/v1/pipelines", query={"plugin": plugin})
        return pipelines_of(self._session.call(call))

    def pipeline(self, plugin: str, name: str) -> JSONObject:
        """Return a pipeline, checked, with the schema of its params."""
        call = Call(method="GET", path=pipeline_path(plugin, name))
        return pipeline_of(self._session.call(call))

    def progress(self, run_id: str) -> PipelineProgress:
        """Return how a pipeline run stands, with each node of its plan."""
        answer = self._session.call(Call(method="GET", path=_path(run_id, "progress")))
        return progress_of(answer.get("progress"))


def _path(run_id: str, *more: str) -> str:
    if run_id in {"", ".", ".."}:
        raise RunNotFoundError(run_id)  # such names mean something else in a path
    return run_path(run_id, *more)


def _names(kinds: frozenset[EventKind] | None) -> list[str] | None:
    return None if kinds is None else sorted(kinds)


def _summary(summary: RunSummary | None) -> JSONObject | None:
    return None if summary is None else summary_document(summary)

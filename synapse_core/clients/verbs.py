"""How answers of a run service are read, for clients with and without an event loop."""

import json
from collections.abc import Mapping
from typing import cast
from urllib.parse import quote

from pydantic import ValidationError

from synapse_core.clients.call import QueryValue
from synapse_core.clients.sse import SentEvent
from synapse_core.errors import InvalidInputError
from synapse_core.model.documents import known_fields, parse_event_document, parse_run
from synapse_core.model.event import Event
from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.model.run import ArtifactInfo, Page, Run, RunFilter
from synapse_core.types import JSONObject, JSONValue

__all__ = [
    "artifact_of",
    "checkpoint_of",
    "filter_query",
    "log_lines_of",
    "object_of",
    "page_of_events",
    "page_of_runs",
    "pipeline_of",
    "pipeline_path",
    "pipelines_of",
    "plugin_path",
    "progress_of",
    "run_of",
    "runs_of",
    "sent_event_of",
    "sent_progress_of",
]


def filter_query(where: RunFilter) -> dict[str, QueryValue]:
    """Return the query parameters of a filter."""
    return {
        "status": sorted(where.statuses) or None,
        "plugin": where.plugin,
        "action": where.action,
        "since": where.since,
        "until": where.until,
        "parent_id": where.parent_id,
    }


def run_of(answer: JSONObject) -> Run:
    """Return the run of an answer."""
    return parse_run(answer.get("run"))


def page_of_runs(answer: JSONObject) -> Page[Run]:
    """Return the page of runs of an answer."""
    return Page(runs_of(answer), _cursor(answer))


def runs_of(answer: JSONObject) -> tuple[Run, ...]:
    """Return the runs of an answer."""
    return tuple(parse_run(run) for run in _list(answer, "runs"))


def page_of_events(answer: JSONObject) -> Page[Event]:
    """Return the page of events; kinds that only a later version knows are passed over."""
    events = (parse_event_document(item) for item in _list(answer, "events"))
    return Page(tuple(event for event in events if event is not None), _cursor(answer))


def sent_event_of(sent: SentEvent) -> Event | None:
    """Return the event of a stream; None for a kind that only a later version knows."""
    return parse_event_document(cast("JSONValue", json.loads(sent.data)))


def log_lines_of(answer: JSONObject) -> tuple[list[str], str]:
    """Return the lines of a page of a log, and the cursor behind them."""
    lines = [str(_object(line)["text"]) for line in _list(answer, "lines")]
    return lines, _cursor(answer) or ""


def artifact_of(item: JSONValue) -> ArtifactInfo:
    """Return the file that is described."""
    return ArtifactInfo(**known_fields(ArtifactInfo, _object(item)))


def checkpoint_of(item: JSONValue) -> JSONObject:
    """Return the checkpoint that is described."""
    return dict(_object(item))


def pipeline_path(plugin: str, name: str, *more: str) -> str:
    """Return the path of a pipeline, or of something of it."""
    parts = (quote(part, safe="", errors="surrogatepass") for part in (plugin, name, *more))
    return "/".join(("/api/v1/pipelines", *parts))


def plugin_path(code: str, *more: str) -> str:
    """Return the path of a plugin, or of something of it."""
    parts = (quote(part, safe="", errors="surrogatepass") for part in (code, *more))
    return "/".join(("/api/v1/plugins", *parts))


def object_of(answer: JSONObject, name: str) -> JSONObject:
    """Return an object of an answer by its name."""
    return dict(_object(answer.get(name)))


def pipelines_of(answer: JSONObject) -> list[JSONObject]:
    """Return the pipelines of an answer."""
    return [dict(_object(item)) for item in _list(answer, "pipelines")]


def pipeline_of(answer: JSONObject) -> JSONObject:
    """Return the pipeline of an answer."""
    return dict(_object(answer.get("pipeline")))


def progress_of(document: JSONValue) -> PipelineProgress:
    """Return how a pipeline run stands.

    Raises:
        InvalidInputError: It is told in a form that this version does not know.
    """
    try:
        return PipelineProgress.model_validate(document)
    except ValidationError as error:
        raise _unexpected("a progress that this version can read") from error


def sent_progress_of(sent: SentEvent) -> PipelineProgress:
    """Return how a pipeline run stood when the event was sent."""
    return progress_of(cast("JSONValue", json.loads(sent.data)))


def _list(answer: Mapping[str, JSONValue], name: str) -> list[JSONValue]:
    value = answer.get(name)
    if not isinstance(value, list):
        raise _unexpected(name)
    return value


def _object(item: JSONValue) -> Mapping[str, JSONValue]:
    if not isinstance(item, dict):
        raise _unexpected("an object")
    return item


def _cursor(answer: JSONObject) -> str | None:
    cursor = answer.get("next_cursor")
    return cursor if isinstance(cursor, str) else None


def _unexpected(what: str) -> InvalidInputError:
    return InvalidInputError(
        f"The service answered without {what}.", hint="Is it a Synapse service of this version?"
    )

"""Folds the events of a run into its summary."""

from dataclasses import replace

from synapse_core.model.event import LOG_KINDS, Event, EventKind
from synapse_core.model.run import ArtifactInfo, Progress, RunSummary
from synapse_core.types import JSONObject, JSONValue

__all__ = ["FOLDED_KINDS", "SummaryFold"]

FOLDED_KINDS = LOG_KINDS | {EventKind.PROGRESS, EventKind.METRICS, EventKind.ARTIFACT}
"""Kinds that change a summary; the others only move its position."""

_MAX_MESSAGE_CHARS = 2000
"""A summary is written with every heartbeat; the whole message stands in the journal."""


class SummaryFold:
    """Takes in events one after the other.

    What an event lacks or says wrongly changes nothing: a summary is no place to fail.

    Args:
        start: The summary to go on from; it stays as it is.
    """

    def __init__(self, start: RunSummary) -> None:
        self._progress = dict(start.progress)
        self._metrics = dict(start.metrics)
        self._steps = dict(start.steps)
        self._artifacts = dict(start.artifacts)
        self._last_message = start.last_message
        self._log_lines = start.log_lines
        self._warnings = start.warnings
        self._errors = start.errors

    def add(self, event: Event) -> None:
        """Take in the next event."""
        data = event.data
        if event.kind in LOG_KINDS:
            self._log_lines += 1
        match event.kind:
            case EventKind.LOG:
                self._count(data)
            case EventKind.MESSAGE:
                self._last_message = _text(data.get("message"))[:_MAX_MESSAGE_CHARS]
            case EventKind.PROGRESS:
                category = _text(data.get("category"))
                self._progress[category] = _progress(category, data, event.time)
            case EventKind.METRICS:
                values = data.get("values")
                if isinstance(values, dict):
                    category = _text(data.get("category"))
                    self._metrics[category] = {**self._metrics.get(category, {}), **values}
            case EventKind.ARTIFACT:
                artifact = _artifact(data)
                self._artifacts[artifact.name] = artifact
            case EventKind.STEP:
                self._steps[_text(data.get("name"))] = _text(data.get("transition"))
            case _:
                pass

    def summary(self, seq: int, offset: int) -> RunSummary:
        """Return the summary of everything up to the event `seq`, which ends at `offset`."""
        return RunSummary(
            seq=seq,
            offset=offset,
            progress=dict(self._progress),
            metrics=dict(self._metrics),
            steps=dict(self._steps),
            artifacts=dict(self._artifacts),
            last_message=self._last_message,
            log_lines=self._log_lines,
            warnings=self._warnings,
            errors=self._errors,
        )

    def _count(self, data: JSONObject) -> None:
        if data.get("more"):
            return  # the same line goes on, and counts at its end
        match data.get("level"):
            case "warning":
                self._warnings += 1
            case "error" | "critical":
                self._errors += 1
            case _:
                pass


def _progress(category: str, data: JSONObject, time: float) -> Progress:
    return Progress(
        category=category,
        current=_number(data.get("current")) or 0.0,
        total=_number(data.get("total")) or 0.0,
        percent=_number(data.get("percent")) or 0.0,
        rate=_number(data.get("rate")),
        eta_s=_number(data.get("eta_s")),
        time=time,
    )


def _artifact(data: JSONObject) -> ArtifactInfo:
    size = _number(data.get("size_bytes")) or 0
    artifact = ArtifactInfo(
        name=_text(data.get("name")),
        path=_text(data.get("path")),
        size_bytes=int(size),
        sha256=_text(data.get("sha256")),
    )
    media_type = data.get("media_type")
    return replace(artifact, media_type=media_type) if isinstance(media_type, str) else artifact


def _text(value: JSONValue) -> str:
    return value if isinstance(value, str) else ""


def _number(value: JSONValue) -> float | None:
    # Not a number, and neither is what JSON says instead of infinity, which is text.
    return value if isinstance(value, int | float) else None

"""Runs as tools and resources show them."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from pydantic import Field, JsonValue

from synapse_core.model.run import Progress, Run, RunFailure, RunStatus
from synapse_core.operations.logs import LogLine, LogPage
from synapse_core.types import JSONObject
from synapse_mcp.errors import clip
from synapse_mcp.results.base import Result, Row, suggest
from synapse_mcp.results.budget import Budget

__all__ = ["FailureView", "ProgressView", "RunView", "build_run_view", "log_text", "utc"]

_MAX_NAME = 80


class ProgressView(Row):
    """The latest progress of one category."""

    category: str
    percent: float
    current: float
    total: float
    eta_s: float | None = None


class FailureView(Row):
    """Why a run failed; `where` is the last place in the plugin's own code."""

    type: str
    message: str
    code: str
    where: str | None = None
    source: str | None = None
    hint: str | None = None


class RunView(Result):
    """One run, as far as it has come."""

    quoted: ClassVar[frozenset[str]] = frozenset({"lines"})
    as_json: ClassVar[frozenset[str]] = frozenset({"result", "metrics"})

    run_id: str | None = None
    status: str
    plugin: str
    action: str
    created: str | None = None
    duration_s: float | None = None
    attempt: int | None = None
    rerun_of: str | None = None
    progress: list[ProgressView] | None = None
    steps: dict[str, str] | None = None
    metrics: dict[str, JsonValue] | None = None
    message: str | None = None
    result: JsonValue = None
    error: FailureView | None = None
    artifacts: list[str] | None = None
    warnings: int | None = None
    errors: int | None = None
    truncated: str | None = None
    log_cursor: str | None = None
    lines: list[str] | None = None
    next: list[str] = Field(default_factory=list[str])


def build_run_view(
    run: Run, size: int, *, log: LogPage | None = None, failed_node: str | None = None
) -> RunView:
    """Return the run in about `size` characters; what was cut is named in `truncated`.

    Args:
        run: The run.
        size: Characters.
        log: Lines of its log.
        failed_node: The run of the node that failed first, where it is a pipeline.
    """
    summary, budget = run.summary, Budget(size)
    return RunView(
        run_id=run.id,
        status=run.status.value,
        plugin=run.plugin,
        action=run.action,
        created=utc(run.created_at),
        duration_s=_duration_s(run),
        attempt=run.attempt if run.attempt > 1 else None,
        rerun_of=run.rerun_of,
        progress=[_progress(p) for p in budget.last("progress", _going_on(run))] or None,
        steps=dict(budget.last("steps", summary.steps.items())) or None,
        metrics=_metrics(budget, summary.metrics) or None,
        message=budget.text("message", summary.last_message) or None,
        result=budget.json("result", run.result),
        error=_failure(run.failure, run, budget) if run.failure else None,
        artifacts=budget.last("artifacts", summary.artifacts) or None,
        warnings=summary.warnings or None,
        errors=summary.errors or None,
        truncated=budget.told(run.id),
        log_cursor=log.next_cursor if log else None,
        lines=[log_text(line) for line in log.lines] if log else None,
        next=_next_calls(run, log, failed_node),
    )


def log_text(line: LogLine) -> str:
    """Return a line of a log: position, time of day in UTC, level, source, text."""
    clock = datetime.fromtimestamp(line.time, UTC).strftime("%H:%M:%S.%f")[:-3]
    return f"{line.seq} {clock} {line.level.value} {line.source}: {line.text}"


def utc(time: float) -> str:
    """Return a Unix time as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _going_on(run: Run) -> list[Progress]:
    """Return the progress of the run; of steps only of the one that is running."""
    summary = run.summary
    return [
        progress
        for category, progress in summary.progress.items()
        if summary.steps.get(category, "started") == "started"
    ]


def _progress(progress: Progress) -> ProgressView:
    return ProgressView(
        category=clip(progress.category, _MAX_NAME),
        percent=round(progress.percent, 2),
        current=progress.current,
        total=progress.total,
        eta_s=round(progress.eta_s, 1) if progress.eta_s else None,  # 0: it has arrived
    )


def _metrics(budget: Budget, metrics: Mapping[str, JSONObject]) -> dict[str, JsonValue]:
    flat = [
        (category, name, value)
        for category, values in metrics.items()
        for name, value in values.items()
    ]
    kept: dict[str, JsonValue] = {}
    for category, name, value in budget.last("metrics", flat):
        group = kept.setdefault(clip(category, _MAX_NAME), {})
        if isinstance(group, dict):
            group[clip(name, _MAX_NAME)] = (
                clip(value, _MAX_NAME) if isinstance(value, str) else value
            )
    return kept


def _failure(failure: RunFailure, run: Run, budget: Budget) -> FailureView:
    frame = failure.where
    return FailureView(
        type=clip(failure.type, _MAX_NAME),
        message=budget.text("error", failure.message),
        code=failure.code,
        where=f"{_relative(frame.file, run)}:{frame.line} in {frame.function}" if frame else None,
        source=budget.text("source", frame.source.strip()) or None if frame else None,
        hint=budget.text("hint", failure.hint) or None,
    )


def _relative(file: str, run: Run) -> str:
    path = Path(file)
    return str(path.relative_to(run.plugin_path)) if path.is_relative_to(run.plugin_path) else file


def _duration_s(run: Run) -> float | None:
    if run.started_at is None:
        return None
    until = run.finished_at if run.finished_at is not None else time.time()
    return round(max(0.0, until - run.started_at), 3)


def _next_calls(run: Run, log: LogPage | None, failed_node: str | None) -> list[str]:
    match run.status:
        case RunStatus.PENDING | RunStatus.RUNNING:
            follow: JSONObject = {"log_cursor": log.next_cursor} if log else {}
            return [
                suggest("run_status", run_id=run.id, wait_s=30, **follow),
                suggest("run_cancel", run_id=run.id),
            ]
        case RunStatus.SUCCEEDED if run.summary.artifacts:
            return [suggest("run_outputs", run_id=run.id)]
        case RunStatus.SUCCEEDED:
            return [suggest("run_logs", run_id=run.id, tail=50)]
        case _:
            # Steps that finished and were not undone need not run again.
            kept: JSONObject = {"resume": True} if "succeeded" in run.summary.steps.values() else {}
            read_on = suggest("run_logs", run_id=run.id, tail=50)
            return [
                suggest("run_status", run_id=failed_node) if failed_node else read_on,
                suggest("plugin_check", path=run.plugin_path),
                suggest("run_start", rerun_of=run.id, **kept),
            ]

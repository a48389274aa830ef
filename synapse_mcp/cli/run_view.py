"""A run as people and programs read it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from synapse_core.model.run import Progress, Resources, Run, RunFailure, RunStatus
from synapse_core.types import JSONObject, JSONValue
from synapse_mcp.cli.formatting import (
    count_text,
    duration_text,
    run_duration_s,
    size_text,
    time_text,
    value_text,
)
from synapse_mcp.cli.output import Output, to_json

__all__ = [
    "STATUS_STYLES",
    "progress_of",
    "progress_text",
    "run_json",
    "status_text",
    "write_failure",
    "write_outcome",
    "write_run",
]

STATUS_STYLES: Mapping[str, str] = {
    RunStatus.PENDING.value: "dim",
    RunStatus.RUNNING.value: "cyan",
    RunStatus.SUCCEEDED.value: "green",
    RunStatus.FAILED.value: "red",
    RunStatus.CANCELLED.value: "yellow",
    RunStatus.SKIPPED.value: "dim",
}


def run_json(run: Run) -> JSONObject:
    """Return the run for programs: all its fields, but of its variables only the names.

    Secrets are replaced already; the run itself was given them.
    """
    told = to_json(run)
    if not isinstance(told, dict):
        raise TypeError("a run is an object")
    told["env"] = list[JSONValue](sorted(run.env))
    return told


def status_text(run: Run) -> str:
    """Return the status and for how long it has been so, in a few words."""
    seconds = run_duration_s(run)
    if seconds is None:
        return run.status.value
    word = "for" if run.status is RunStatus.RUNNING else "after"
    again = f", attempt {run.attempt}" if run.attempt > 1 else ""
    return f"{run.status.value} {word} {duration_text(seconds)}{again}"


def progress_text(progress: Progress) -> str:
    """Return one category's progress in a line."""
    parts = [
        f"{progress.percent:.0f}%",
        f"({count_text(progress.current)}/{count_text(progress.total)})",
    ]
    if progress.rate is not None:
        parts.append(f"{count_text(round(progress.rate, 2))}/s")
    if progress.eta_s is not None and progress.current < progress.total:
        parts.append(f"ETA {duration_text(progress.eta_s)}")
    return "  ".join(parts)


def progress_of(data: JSONObject) -> Progress:
    """Return what a progress event says."""
    numbers = {
        key: float(value)
        for key in ("current", "total", "percent", "rate", "eta_s")
        if isinstance(value := data.get(key), int | float)
    }
    return Progress(
        category=str(data.get("category", "")),
        current=numbers.get("current", 0.0),
        total=numbers.get("total", 0.0),
        percent=numbers.get("percent", 0.0),
        rate=numbers.get("rate"),
        eta_s=numbers.get("eta_s"),
    )


def write_outcome(output: Output, run: Run) -> None:
    """Write how a run that was followed ended, and where to read on."""
    style = STATUS_STYLES.get(run.status.value, "")
    output.line(f"Run {run.id} {status_text(run)}", style)
    if run.failure is not None:
        write_failure(output, run.failure, run.plugin_path)
        output.line(f"  whole log: synapse run logs {run.id}")
    if run.summary.artifacts:
        output.line(f"  saved {', '.join(run.summary.artifacts)}: synapse run outputs {run.id}")
    if run.status is RunStatus.SUCCEEDED and run.result is not None:
        output.line(json.dumps(run.result, ensure_ascii=False, indent=2))


def write_run(output: Output, run: Run) -> None:
    """Write all that a person wants to know about the run."""
    output.line(f"{run.id}  {run.plugin}/{run.action}", "bold")
    output.line(status_text(run), STATUS_STYLES.get(run.status.value, ""))
    output.fields(dict(_facts(run)))
    if run.failure is not None:
        output.line()
        write_failure(output, run.failure, run.plugin_path)
    if run.status is RunStatus.SUCCEEDED and run.result is not None:
        output.line()
        output.line("result", "bold")
        output.line(json.dumps(run.result, ensure_ascii=False, indent=2))


def write_failure(output: Output, failure: RunFailure, plugin_path: str) -> None:
    """Write why a run failed: the error, the last line of the plugin's own code, what to do."""
    output.line(f"{failure.type}: {failure.message}", "red")
    frame = failure.where
    if frame is not None:
        file = Path(frame.file)
        inside = file.is_relative_to(plugin_path)
        shown = file.relative_to(plugin_path) if inside else file
        output.line(f"  at {shown}:{frame.line} in {frame.function}")
        if frame.source.strip():
            output.line(f"    {frame.source.strip()}", "bold")
    if failure.hint:
        output.line(f"  {failure.hint}")


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    summary = run.summary
    yield "plugin", f"{run.plugin} {run.plugin_version}".rstrip() + f"  {run.plugin_path}"
    yield "created", time_text(run.created_at)
    yield "started", time_text(run.started_at)
    yield "rerun of", run.rerun_of or ""
    yield "params", value_text(run.params) if run.params else ""
    yield "variables", ", ".join(sorted(run.env))
    yield "resources", _resources_text(run.resources)
    yield (
        "progress",
        "\n".join(
            f"{category}  {progress_text(progress)}"
            for category, progress in summary.progress.items()
            if category not in summary.steps
        ),
    )
    yield "steps", "\n".join(_step_lines(run))
    yield (
        "metrics",
        "\n".join(
            f"{category}  {', '.join(f'{k}={value_text(v)}' for k, v in values.items())}"
            for category, values in summary.metrics.items()
        ),
    )
    yield "message", summary.last_message
    yield (
        "artifacts",
        "\n".join(
            f"{name}  {size_text(artifact.size_bytes)}"
            for name, artifact in summary.artifacts.items()
        ),
    )
    yield "log", _log_counts(run)


def _resources_text(wanted: Resources) -> str:
    memory = None if wanted.memory_mb is None else f"{wanted.memory_mb} MiB"
    asked = {"cpus": wanted.cpus, "gpus": wanted.gpus, "memory": memory, **wanted.custom}
    return ", ".join(
        f"{name} {amount if isinstance(amount, str) else format(amount, 'g')}"
        for name, amount in asked.items()
        if amount is not None
    )


def _step_lines(run: Run) -> Iterator[str]:
    """Yield a line for each step, with its own progress while it runs."""
    steps = run.summary.steps
    width = max(map(len, steps), default=0)
    for name, transition in steps.items():
        line = f"{name.ljust(width)}  {transition.replace('_', ' ')}"
        progress = run.summary.progress.get(name)
        if progress is not None and transition == "started":
            line += f"  {progress_text(progress)}"
        yield line


def _log_counts(run: Run) -> str:
    summary = run.summary
    counts = {"lines": summary.log_lines, "warnings": summary.warnings, "errors": summary.errors}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)

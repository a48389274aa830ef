"""Shows pipeline runs to people and programs."""

import sys
from typing import Annotated

import typer

from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.operations.pipelines.verbs import follow_progress, get_pipeline_run, get_progress
from synapse_core.pipelines.display import display_progress
from synapse_core.workspace import Workspace
from synapse_mcp.cli.completion import complete_pipelines
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.output import Output, note
from synapse_mcp.cli.run_view import STATUS_STYLES, run_json, status_text, write_outcome
from synapse_mcp.cli.watching import outcome_code

__all__ = ["PipelineArgument", "follow_pipeline", "write_progress"]

PipelineArgument = Annotated[
    str,
    typer.Argument(
        metavar="PIPELINE", help="Name of a pipeline.", autocompletion=complete_pipelines
    ),
]


def follow_pipeline(workspace: Workspace, run_id: str, output: Output) -> int:
    """Show a pipeline run until it ends, and return the exit code of its outcome.

    Ctrl-C ends the watching and not the run, and says how to go on.
    """
    stream = follow_progress(workspace, run_id)
    try:
        if output.as_json:
            for progress in stream:
                output.json_line({"type": "progress", **progress.model_dump(mode="json")})
        else:
            display_progress(stream, sys.stdout)
    except KeyboardInterrupt:
        note("\nStopped following; the run goes on.")
        note(f"Stop it:           synapse pipeline cancel {run_id}")
        note(f"Follow it again:   synapse pipeline follow {run_id}")
        return ExitCode.INTERRUPTED
    run = get_pipeline_run(workspace, run_id)
    if output.as_json:
        output.json_line({"type": "run", **run_json(run)})
    else:
        write_outcome(output, run)
        if run.failure is not None:
            note(f"Go on from there:  synapse pipeline resume {run_id}")
    return outcome_code(run)


def write_progress(workspace: Workspace, run_id: str, output: Output) -> None:
    """Write how a pipeline run stands, node by node."""
    run = get_pipeline_run(workspace, run_id)
    progress = get_progress(workspace, run_id)
    if output.as_json:
        output.json({**run_json(run), "nodes": progress.model_dump(mode="json")["progress"]})
        return
    output.line(f"{run.id}  {run.plugin}/{run.action}", "bold")
    output.line(status_text(run), STATUS_STYLES.get(run.status.value, ""))
    if run.rerun_of is not None:
        output.line(f"goes on with {run.rerun_of}")
    output.table(
        ("node", "status", "done", "action", "run", "what"),
        _rows(progress),
        styles=STATUS_STYLES,
    )
    if run.failure is not None:
        output.line(f"{run.failure.type}: {run.failure.message}", "red")


def _rows(progress: PipelineProgress) -> list[tuple[str, ...]]:
    return [
        (
            one.name,
            one.status.value,
            f"{one.done}/{one.total}" if one.total > 1 else f"{one.progress:.0%}",
            one.action,
            one.run_ids[0] if len(one.run_ids) == 1 else "",
            one.error or one.message or "",
        )
        for one in progress.rows
    ]

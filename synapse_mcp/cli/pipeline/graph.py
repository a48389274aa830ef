"""`synapse pipeline graph`."""

from enum import StrEnum
from typing import Annotated

import typer

from synapse_core.errors import InvalidInputError
from synapse_core.operations.environments import service_environment
from synapse_core.operations.pipelines.verbs import describe_pipeline, get_progress
from synapse_core.operations.runs import find_run
from synapse_core.pipelines.drawing.labels import Statuses
from synapse_core.pipelines.drawing.mermaid import draw_mermaid
from synapse_core.pipelines.drawing.svg import draw_svg
from synapse_core.pipelines.drawing.text import draw_text
from synapse_core.workspace import Workspace
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.opening import open_plugins
from synapse_mcp.cli.options import JsonOption, PluginArgument
from synapse_mcp.cli.output import Output, to_json
from synapse_mcp.cli.pipeline.showing import PipelineArgument
from synapse_mcp.cli.places import this_home

__all__ = ["GraphFormat", "graph"]


class GraphFormat(StrEnum):
    """How a graph is drawn."""

    TEXT = "text"
    MERMAID = "mermaid"
    SVG = "svg"


def graph(
    plugin: PluginArgument,
    pipeline: PipelineArgument,
    *,
    drawn_as: Annotated[
        GraphFormat, typer.Option("--format", "-F", help="How it is drawn.")
    ] = GraphFormat.TEXT,
    run: Annotated[
        str | None,
        typer.Option("--run", "-r", help="Show how its nodes stand in this run, or in the `last`."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Draw the graph of a pipeline, once it is checked; pipelines in it as parts of the drawing.

    With --json: nodes, and the schema of the params.

    Example: synapse pipeline graph works nightly --format svg > nightly.svg
    """
    service = service_environment(this_home())
    with open_plugins([plugin], service=service) as workspace:
        described = describe_pipeline(workspace, plugin, pipeline)
        statuses: Statuses | None = None
        if run is not None:
            statuses = _statuses(workspace, find_run(workspace, run), pipeline)
    output = Output(as_json=as_json)
    if as_json:
        nodes = [to_json(node) for node in described.plan.nodes]
        output.json({"pipeline": pipeline, "params": described.params, "nodes": nodes})
        return ExitCode.DONE
    match drawn_as:
        case GraphFormat.TEXT:
            output.raw(draw_text(described.plan, statuses))
        case GraphFormat.MERMAID:
            output.raw(draw_mermaid(described.plan, statuses))
        case GraphFormat.SVG:
            output.raw(draw_svg(described.plan, statuses))
    return ExitCode.DONE


def _statuses(workspace: Workspace, run_id: str, pipeline: str) -> Statuses:
    progress = get_progress(workspace, run_id)
    if progress.pipeline_id != pipeline:
        raise InvalidInputError(
            f"Run {run_id} is one of {progress.pipeline_id!r}, not of {pipeline!r}.",
            hint="Draw that pipeline, or name another run: `synapse run list` lists them.",
            run_id=run_id,
        )
    return {one.name: one.status for one in progress.rows}

"""`synapse pipeline graph`."""

from enum import StrEnum
from typing import Annotated

import typer

from synapse_core.operations.environments import service_environment
from synapse_core.operations.pipelines import describe_pipeline
from synapse_core.pipelines.drawing import draw_mermaid, draw_svg, draw_text
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
    as_json: JsonOption = False,
) -> int:
    """Draw the graph of a pipeline, once it is checked.

    With --json: nodes, and the schema of the params.

    Example: synapse pipeline graph works nightly --format svg > nightly.svg
    """
    service = service_environment(this_home())
    with open_plugins([plugin], service=service) as workspace:
        described = describe_pipeline(workspace, plugin, pipeline)
    output = Output(as_json=as_json)
    if as_json:
        nodes = [to_json(node) for node in described.plan.nodes]
        output.json({"pipeline": pipeline, "params": described.params, "nodes": nodes})
        return ExitCode.DONE
    match drawn_as:
        case GraphFormat.TEXT:
            output.raw(draw_text(described.plan))
        case GraphFormat.MERMAID:
            output.raw(draw_mermaid(described.plan))
        case GraphFormat.SVG:
            output.raw(draw_svg(described.plan))
    return ExitCode.DONE

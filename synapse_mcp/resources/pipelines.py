"""The graph of a pipeline, and how the nodes of one of its runs stand, as resources."""

import json
from collections.abc import Mapping

from synapse_core.operations.runs import find_run
from synapse_mcp.calls import Call
from synapse_mcp.resources.declaration import Content, Resource

__all__ = ["PIPELINE_RESOURCES"]


def _read_graph(call: Call, variables: Mapping[str, str]) -> Content:
    from synapse_core.operations.pipelines.verbs import (  # noqa: PLC0415 - few servers are asked for it
        describe_pipeline,
    )
    from synapse_core.pipelines.drawing.mermaid import draw_mermaid  # noqa: PLC0415 - see above

    described = describe_pipeline(call.workspace, variables["plugin"], variables["pipeline"])
    return Content(draw_mermaid(described.plan), "text/vnd.mermaid")


def _read_nodes(call: Call, variables: Mapping[str, str]) -> Content:
    from synapse_core.operations.pipelines.verbs import get_progress  # noqa: PLC0415 - see above

    progress = get_progress(call.workspace, find_run(call.workspace, variables["run_id"]))
    told = progress.model_dump(mode="json", exclude_none=True)
    return Content(json.dumps(told, ensure_ascii=False, indent=1), "application/json")


PIPELINE_RESOURCES = (
    Resource(
        uri="pipeline://{plugin}/{pipeline}",
        name="pipeline",
        title="Graph of a pipeline",
        description="The nodes of a pipeline and what each needs, checked, as a Mermaid flowchart",
        media_type="text/vnd.mermaid",
        read=_read_graph,
    ),
    Resource(
        uri="run://{run_id}/nodes",
        name="run_nodes",
        title="Nodes of a pipeline run",
        description="How each node of a pipeline run stands: status, progress, message, error, and "
        "the ids of its runs; those of pipelines in it, too",
        media_type="application/json",
        read=_read_nodes,
    ),
)

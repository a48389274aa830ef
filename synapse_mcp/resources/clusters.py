"""The Ray clusters that runs can be placed on, as a resource."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from synapse_core.operations.clusters.verbs import list_clusters
from synapse_mcp.calls import Call
from synapse_mcp.resources.declaration import Content, Resource

__all__ = ["CLUSTER_RESOURCES"]


def _read_clusters(call: Call, _variables: Mapping[str, str]) -> Content:
    # The drivers of the clusters are asked; Ray itself prints where this server must not.
    views = [asdict(view) for view in list_clusters(call.workspace.home, call.environ)]
    return Content(
        json.dumps({"clusters": views}, ensure_ascii=False, indent=1), "application/json"
    )


CLUSTER_RESOURCES = (
    Resource(
        uri="config://clusters",
        name="clusters",
        title="Ray clusters",
        description="Clusters that runs can be placed on: nodes, resources, active and waiting "
        "runs. Reading starts none",
        media_type="application/json",
        read=_read_clusters,
    ),
)

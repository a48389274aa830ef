"""All resources."""

from synapse_mcp.resources.clusters import CLUSTER_RESOURCES
from synapse_mcp.resources.configuration import CONFIGURATION_RESOURCES
from synapse_mcp.resources.deployments import DEPLOYMENT_RESOURCES
from synapse_mcp.resources.pipelines import PIPELINE_RESOURCES
from synapse_mcp.resources.plugins import PLUGIN_RESOURCES
from synapse_mcp.resources.runs import RUN_RESOURCES

__all__ = ["RESOURCES"]

RESOURCES = (
    *CONFIGURATION_RESOURCES,
    *CLUSTER_RESOURCES,
    *PLUGIN_RESOURCES,
    *PIPELINE_RESOURCES,
    *RUN_RESOURCES,
    *DEPLOYMENT_RESOURCES,
)
"""In the order in which clients list them; the first that matches a URI is read."""

"""All resources."""

from synapse_mcp.resources.runs import RUN_RESOURCES

__all__ = ["RESOURCES"]

RESOURCES = (*RUN_RESOURCES,)
"""In the order in which clients list them; the first that matches a URI is read."""

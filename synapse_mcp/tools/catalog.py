"""All tools."""

from typing import Any

from synapse_mcp.tools.admin import RUN_DELETE
from synapse_mcp.tools.declaration import Tool
from synapse_mcp.tools.outputs import RUN_OUTPUTS
from synapse_mcp.tools.starting import RUN_START
from synapse_mcp.tools.watching import RUN_CANCEL, RUN_LIST, RUN_LOGS, RUN_STATUS

__all__ = ["TOOLS"]

TOOLS: tuple[Tool[Any], ...] = (
    RUN_START,
    RUN_STATUS,
    RUN_LOGS,
    RUN_LIST,
    RUN_CANCEL,
    RUN_OUTPUTS,
    RUN_DELETE,
)
"""In the order in which clients list them."""

"""All tools."""

from typing import Any

from synapse_mcp.tools.admin import RUN_DELETE
from synapse_mcp.tools.checking import PLUGIN_CHECK
from synapse_mcp.tools.declaration import Tool
from synapse_mcp.tools.deployments import (
    DEPLOYMENT_APPLY,
    DEPLOYMENT_DELETE,
    DEPLOYMENT_LIST,
    DEPLOYMENT_LOGS,
)
from synapse_mcp.tools.doctor import ENV_DOCTOR
from synapse_mcp.tools.outputs import RUN_OUTPUTS
from synapse_mcp.tools.plugins import PLUGIN_DESCRIBE, PLUGIN_SEARCH
from synapse_mcp.tools.scaffolding import PLUGIN_SCAFFOLD
from synapse_mcp.tools.starting import RUN_START
from synapse_mcp.tools.stopping import RUN_CANCEL
from synapse_mcp.tools.watching import RUN_LIST, RUN_LOGS, RUN_STATUS

__all__ = ["TOOLS"]

TOOLS: tuple[Tool[Any], ...] = (
    PLUGIN_SEARCH,
    PLUGIN_DESCRIBE,
    RUN_START,
    RUN_STATUS,
    RUN_LOGS,
    RUN_LIST,
    RUN_CANCEL,
    RUN_OUTPUTS,
    PLUGIN_SCAFFOLD,
    PLUGIN_CHECK,
    RUN_DELETE,
    ENV_DOCTOR,
    DEPLOYMENT_LIST,
    DEPLOYMENT_APPLY,
    DEPLOYMENT_LOGS,
    DEPLOYMENT_DELETE,
)
"""In the order in which clients list them."""

"""How this server is set up, as a resource."""

import json
import sys
from collections.abc import Mapping

from synapse_core import __version__
from synapse_core.errors import ConfigError
from synapse_core.operations.environments import list_environments
from synapse_core.types import JSONObject, JSONValue
from synapse_mcp.calls import Call
from synapse_mcp.resources.declaration import Content, Resource
from synapse_mcp.results.base import MAX_CHARS
from synapse_mcp.tools.waiting import MAX_WAIT_S

__all__ = ["CONFIGURATION_RESOURCES"]


def _read_effective(call: Call, _variables: Mapping[str, str]) -> Content:
    workspace, settings = call.workspace, call.settings
    content: JSONObject = {
        "version": __version__,
        "python": sys.executable,
        "home": str(workspace.home.root),
        "roots": [str(root) for root in workspace.roots],
        "toolsets": list[JSONValue](sorted(settings.toolsets)),
        "tools": list[JSONValue](sorted(call.tools)),
        "read_only": settings.read_only,
        "confirm": settings.confirm.value,
        "executors": list[JSONValue](sorted(workspace.executors)),
        "limits": {"result_chars": MAX_CHARS, "wait_s": MAX_WAIT_S},
        **_environments(call),
    }
    return Content(json.dumps(content, ensure_ascii=False, indent=1), "application/json")


def _environments(call: Call) -> JSONObject:
    """Return the environments without secrets, or why they cannot be read."""
    try:
        views = list_environments(call.workspace.home)
    except ConfigError as error:
        return {"environments": None, "configuration_error": str(error)}
    return {
        "environments": {
            view.name: {
                "is_active": view.is_active,
                "service_url": view.service_url,
                "token": view.token,
                "variables": dict[str, JSONValue](view.variables),
            }
            for view in views
        }
    }


CONFIGURATION_RESOURCES = (
    Resource(
        uri="config://effective",
        name="effective_configuration",
        title="Effective configuration",
        description="Version, home, roots, flags, tools, limits and environments of this server, "
        "without secrets",
        media_type="application/json",
        read=_read_effective,
    ),
)

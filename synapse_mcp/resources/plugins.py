"""Plugins and the schemas of their actions as resources."""

import json
from collections.abc import Mapping

from synapse_core.operations.startable import describe_what_starts, find_what_starts
from synapse_core.types import JSONObject, JSONValue
from synapse_mcp.calls import Call
from synapse_mcp.resources.declaration import Content, Resource

__all__ = ["PLUGIN_RESOURCES"]


def _read_plugin(call: Call, variables: Mapping[str, str]) -> Content:
    plugin = find_what_starts(call.workspace, variables["id"])
    actions: dict[str, JSONValue] = {
        spec.name: {
            "title": spec.title,
            "description": spec.description,
            "entrypoint": spec.entrypoint,
            "category": spec.category.value,
            "method": spec.method.value,
            "file": spec.file,
            "line": spec.line,
        }
        for spec in plugin.actions.values()
    }
    content: JSONObject = {
        "code": plugin.code,
        "name": plugin.name,
        "version": plugin.version,
        "path": str(plugin.path),
        "category": plugin.category.value,
        "description": plugin.description,
        "env": list[JSONValue](plugin.env),
        "actions": actions,
    }
    return _json(content)


def _read_schema(call: Call, variables: Mapping[str, str]) -> Content:
    plugin = find_what_starts(call.workspace, variables["id"])
    described = describe_what_starts(call.workspace, plugin, variables["action"])
    schema = described.schema
    return _json(
        {
            "plugin": plugin.code,
            "action": described.spec.name,
            "params": schema.params,
            "result": schema.result,
            "form": schema.form,
            "example": schema.example,
        }
    )


def _json(content: JSONObject) -> Content:
    return Content(json.dumps(content, ensure_ascii=False, indent=1), "application/json")


PLUGIN_RESOURCES = (
    Resource(
        uri="plugin://{id}",
        name="plugin",
        title="Plugin",
        description="A plugin with its actions; variables of its environment by name only",
        media_type="application/json",
        read=_read_plugin,
    ),
    Resource(
        uri="plugin://{id}/{action}/schema",
        name="action_schema",
        title="Schema of an action",
        description="JSON schemas of params and result, UI form and example params of an action",
        media_type="application/json",
        read=_read_schema,
    ),
)

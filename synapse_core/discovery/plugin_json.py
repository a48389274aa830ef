"""Writes a plugin's description as JSON, and reads it again."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from synapse_core.model.plugin import ActionMethod, ActionSpec, Plugin, PluginCategory
from synapse_core.model.run import Resources, RetryPolicy
from synapse_core.types import JSONObject

__all__ = ["plugin_from_json", "plugin_to_json"]


def plugin_to_json(plugin: Plugin) -> JSONObject:
    """Return all of it but the path and the stamp, which go with the place where it is kept."""
    fields = asdict(plugin)
    del fields["path"], fields["stamp"]
    return fields


def plugin_from_json(fields: JSONObject, path: Path, stamp: str) -> Plugin:
    """Return the plugin that `plugin_to_json` wrote.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: It was written by another version.
    """
    given: dict[str, Any] = {**fields, "path": path, "stamp": stamp}
    given["actions"] = {name: _spec_from_json(spec) for name, spec in given["actions"].items()}
    given["category"] = PluginCategory(given["category"])
    return Plugin(**given)


def _spec_from_json(fields: Mapping[str, Any]) -> ActionSpec:
    given = dict(fields)
    given["category"] = PluginCategory(given["category"])
    given["method"] = ActionMethod(given["method"])
    given["resources"] = Resources(**given["resources"])
    given["retry"] = RetryPolicy(**given["retry"])
    return ActionSpec(**given)

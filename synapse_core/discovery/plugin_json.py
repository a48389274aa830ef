"""Writes a plugin's description as JSON, and reads it again."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from synapse_core.model.plugin import ActionMethod, ActionSpec, Plugin, PluginCategory
from synapse_core.model.run import Resources, RetryPolicy
from synapse_core.types import JSONObject

__all__ = ["plugin_from_json", "plugin_to_json"]


def plugin_to_json(plugin: Plugin) -> JSONObject:
    """Return all of it but the path and the stamp, which go with the place where it is kept."""
    kept = _fields(plugin)
    del kept["path"], kept["stamp"]
    kept["actions"] = {name: _spec_to_json(spec) for name, spec in plugin.actions.items()}
    return kept


def plugin_from_json(kept: JSONObject, path: Path, stamp: str) -> Plugin:
    """Return the plugin that `plugin_to_json` wrote.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: It was written by another version.
    """
    given: dict[str, Any] = {**kept, "path": path, "stamp": stamp}
    given["actions"] = {name: _spec_from_json(spec) for name, spec in given["actions"].items()}
    given["category"] = PluginCategory(given["category"])
    return Plugin(**given)


def _fields(value: Plugin | ActionSpec | Resources | RetryPolicy) -> dict[str, Any]:
    # `asdict` would copy whole manifests, which takes longer than all the rest.
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _spec_to_json(spec: ActionSpec) -> dict[str, Any]:
    return {**_fields(spec), "resources": _fields(spec.resources), "retry": _fields(spec.retry)}


def _spec_from_json(kept: Mapping[str, Any]) -> ActionSpec:
    given = dict(kept)
    given["category"] = PluginCategory(given["category"])
    given["method"] = ActionMethod(given["method"])
    given["resources"] = Resources(**given["resources"])
    given["retry"] = RetryPolicy(**given["retry"])
    return ActionSpec(**given)

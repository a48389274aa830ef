"""Plugins and their actions as they are described to other machines, and back."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from synapse_core.model.documents import known_fields
from synapse_core.model.plugin import (
    ActionMethod,
    ActionSchema,
    ActionSpec,
    Plugin,
    PluginCategory,
)
from synapse_core.model.run import Page, Resources, RetryPolicy
from synapse_core.operations.plugins import ActionDescription, pipeline_names
from synapse_core.operations.reading_documents import reading
from synapse_core.types import JSONObject, JSONValue

__all__ = [
    "action_document",
    "page_document",
    "parse_action",
    "parse_page",
    "parse_plugin",
    "plugin_document",
]

_OWN = ("entrypoint", "file", "line")
"""Of an action, what means something on the machine that has it only."""

_NOWHERE = Path()


def plugin_document(plugin: Plugin) -> JSONObject:
    """Return the plugin as a document, without paths and variables of this machine."""
    return {
        "code": plugin.code,
        "name": plugin.name,
        "version": plugin.version,
        "category": plugin.category.value,
        "description": plugin.description,
        "actions": [_spec_document(spec) for spec in plugin.actions.values()],
        "pipelines": list[JSONValue](pipeline_names(plugin)),
    }


def parse_plugin(document: JSONObject) -> Plugin:
    """Read what `plugin_document` returned; the plugin lies in no folder of this machine.

    Raises:
        InvalidInputError: It is none.
    """
    told = cast("dict[str, Any]", document)
    with reading("a plugin"):
        specs = [_parse_spec(one) for one in told["actions"]]
        return Plugin(
            code=str(told["code"]),
            name=str(told["name"]),
            version=str(told["version"]),
            path=_NOWHERE,
            category=PluginCategory(told["category"]),
            description=str(told["description"]),
            manifest={"pipelines": {str(name): {} for name in told["pipelines"]}},
            actions={spec.name: spec for spec in specs},
        )


def page_document(page: Page[Plugin]) -> JSONObject:
    """Return a page of plugins as a document."""
    plugins: list[JSONValue] = [plugin_document(plugin) for plugin in page.items]
    return {"plugins": plugins, "next_cursor": page.next_cursor}


def parse_page(document: JSONObject) -> Page[Plugin]:
    """Read what `page_document` returned.

    Raises:
        InvalidInputError: It is none.
    """
    told = cast("dict[str, Any]", document)
    with reading("a plugin"):
        return Page(tuple(map(parse_plugin, told["plugins"])), told["next_cursor"])


def action_document(described: ActionDescription) -> JSONObject:
    """Return an action, or a pipeline told as one, as a document."""
    return {
        "plugin": plugin_document(described.plugin),
        "action": _spec_document(described.spec),
        "schema": asdict(described.schema),
        "output_kinds": list[JSONValue](described.output_kinds),
    }


def parse_action(document: JSONObject) -> ActionDescription:
    """Read what `action_document` returned.

    Raises:
        InvalidInputError: It is none.
    """
    told = cast("dict[str, Any]", document)
    with reading("a plugin"):
        return ActionDescription(
            plugin=parse_plugin(told["plugin"]),
            spec=_parse_spec(told["action"]),
            schema=ActionSchema(**known_fields(ActionSchema, told["schema"])),
            output_kinds=tuple(map(str, told["output_kinds"])),
        )


def _spec_document(spec: ActionSpec) -> JSONObject:
    document = asdict(spec)
    return {name: value for name, value in document.items() if name not in _OWN}


def _parse_spec(document: Any) -> ActionSpec:  # noqa: ANN401 - JSON that was not looked at yet
    told = known_fields(ActionSpec, document)
    told["category"] = PluginCategory(told["category"])
    told["method"] = ActionMethod(told["method"])
    told["resources"] = Resources(**known_fields(Resources, told["resources"]))
    told["retry"] = RetryPolicy(**known_fields(RetryPolicy, told["retry"]))
    told["entrypoint"] = ""  # it is called there
    return ActionSpec(**told)

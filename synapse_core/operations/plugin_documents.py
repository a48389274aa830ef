"""Plugins and their actions as they are described to other machines, and back."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, cast

from synapse_core.errors import InvalidInputError
from synapse_core.model.plugin import (
    ActionMethod,
    ActionSchema,
    ActionSpec,
    Plugin,
    PluginCategory,
)
from synapse_core.model.run import Page, Resources, RetryPolicy
from synapse_core.operations.plugins import ActionDescription, pipeline_names
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
    try:
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
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(error) from error


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
    try:
        return Page(tuple(map(parse_plugin, told["plugins"])), told["next_cursor"])
    except (KeyError, TypeError) as error:
        raise _unreadable(error) from error


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
    try:
        return ActionDescription(
            plugin=parse_plugin(told["plugin"]),
            spec=_parse_spec(told["action"]),
            schema=ActionSchema(**_known(ActionSchema, told["schema"])),
            output_kinds=tuple(map(str, told["output_kinds"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(error) from error


def _spec_document(spec: ActionSpec) -> JSONObject:
    document = asdict(spec)
    return {name: value for name, value in document.items() if name not in _OWN}


def _parse_spec(document: Any) -> ActionSpec:  # noqa: ANN401 - JSON that was not looked at yet
    told = _known(ActionSpec, document)
    told["category"] = PluginCategory(told["category"])
    told["method"] = ActionMethod(told["method"])
    told["resources"] = Resources(**_known(Resources, told["resources"]))
    told["retry"] = RetryPolicy(**_known(RetryPolicy, told["retry"]))
    told["entrypoint"] = ""  # it is called there
    return ActionSpec(**told)


def _known(model: type, document: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    names = {one.name for one in fields(model)}
    return {key: value for key, value in dict(document).items() if key in names}


def _unreadable(error: Exception) -> InvalidInputError:
    return InvalidInputError(
        f"The service describes a plugin in a form that this version does not know: {error!r}.",
        hint="Use the same version of Synapse on both sides.",
    )

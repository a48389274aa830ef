"""Find plugins, describe their actions, and check params before anything starts."""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from synapse_core.errors import ActionNotFoundError, CursorError, ParamsError
from synapse_core.model.plugin import ActionSchema, ActionSpec, Plugin, PluginCategory
from synapse_core.model.run import Page
from synapse_core.types import JSONObject, JSONValue
from synapse_core.workspace import Workspace

__all__ = [
    "ActionDescription",
    "BrokenPlugin",
    "broken_plugins",
    "describe_action",
    "find_plugin",
    "locate_plugin",
    "pipeline_names",
    "search_plugins",
    "validate_params",
]

_MOST_NAMED = 3

_Key = tuple[int, int, str, str]
"""Where a plugin stands in a list: words missed, less its weight, code, path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDescription:
    """An action, and how it is called.

    Attributes:
        plugin: The plugin that offers it.
        spec: What is known of it.
        schema: What it takes and returns.
        output_kinds: Names of the semantic type it produces and of those that it refines.
    """

    plugin: Plugin
    spec: ActionSpec
    schema: ActionSchema
    output_kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenPlugin:
    """A plugin that no list has, because its manifest is broken.

    Attributes:
        path: Its folder.
        fault: The first thing that is wrong with the manifest, with file and line.
    """

    path: Path
    fault: str


def broken_plugins(workspace: Workspace) -> tuple[BrokenPlugin, ...]:
    """Return the plugins below the roots that the lists leave out."""
    return tuple(
        BrokenPlugin(path=folder, fault=fault.message)
        for folder, fault in workspace.catalog.faults()
    )


def search_plugins(
    workspace: Workspace,
    query: str = "",
    *,
    category: PluginCategory | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Plugin]:
    """Return the plugins below the roots that have a word of the query, those with most first.

    Plugins with a broken manifest are left out; `broken_plugins` names them.

    Args:
        workspace: Where to look.
        query: Words of code, name, description, actions or pipelines; empty for all plugins.
        category: Only plugins that are for this, or have an action that is.
        limit: Most plugins to return.
        cursor: `next_cursor` of the page before, with the same query and category.

    Raises:
        CursorError: The cursor was made for another list.
    """
    words = query.casefold().split()
    ranked: list[tuple[_Key, Plugin]] = []
    for plugin in workspace.catalog.plugins():
        if category is None or category in _categories(plugin):
            matched, weight = _weigh(plugin, words)
            if matched or not words:
                key = (len(words) - matched, -weight, plugin.code, str(plugin.path))
                ranked.append((key, plugin))
    ranked.sort(key=lambda pair: pair[0])
    made_for = _name_list(words, category)
    after = _read_cursor(cursor, made_for) if cursor is not None else None
    rest = [pair for pair in ranked if after is None or pair[0] > after]
    page = rest[:limit]
    more = _write_cursor(page[-1][0], made_for) if page and len(rest) > len(page) else None
    return Page(tuple(plugin for _, plugin in page), more)


def find_plugin(workspace: Workspace, reference: str) -> Plugin:
    """Return the plugin of this code, or in this folder.

    Raises:
        InvalidInputError: Several plugins have this code.
        ManifestError: Its `config.yaml` is broken; `data["diagnostics"]` lists all faults.
        PathRefusedError: The path leads out of the roots, or is none.
        PluginNotFoundError: There is no such plugin.
        StorageError: Its `config.yaml` may not be read.
    """
    return workspace.catalog.find(reference)


def locate_plugin(workspace: Workspace, reference: str | Path) -> Path:
    """Return the folder of a plugin, also of one with a broken manifest.

    Raises:
        InvalidInputError: Several plugins have this code.
        PathRefusedError: The path leads out of the roots, or is none.
        PluginNotFoundError: There is no such plugin.
    """
    return workspace.catalog.locate(reference)


def describe_action(workspace: Workspace, plugin: Plugin, action: str) -> ActionDescription:
    """Return an action with the schema of its params; it is imported in a process of its own.

    What was found is kept until the plugin, or what is installed, changes.

    Raises:
        ActionLoadError: It cannot be imported, or is no action.
        ActionNotFoundError: The plugin has none of this name.
    """
    spec = plugin.actions.get(action)
    if spec is None:
        raise ActionNotFoundError(plugin.code, action, [*plugin.actions, *pipeline_names(plugin)])
    facts: dict[str, Any] = workspace.catalog.inspect(plugin, spec, workspace.inspector)
    schema = facts["schema"]
    return ActionDescription(
        plugin=plugin,
        spec=replace(
            spec,
            description=spec.description or facts["description"],
            input_type=spec.input_type or facts["input_type"],
            output_type=spec.output_type or facts["output_type"],
            kind=spec.kind or facts["kind"],
            file=spec.file or facts["file"],
            line=spec.line or facts["line"],
        ),
        schema=ActionSchema(
            params=schema["params"],
            result=schema["result"],
            form=schema["form"],
            example=schema["example"],
        ),
        output_kinds=tuple(facts.get("output_kinds", ())),
    )


def pipeline_names(plugin: Plugin) -> tuple[str, ...]:
    """Return the names of the pipelines that a plugin declares."""
    declared = plugin.manifest.get("pipelines")
    return tuple(declared) if isinstance(declared, dict) else ()


def validate_params(schema: ActionSchema, params: JSONObject) -> None:
    """Check params before anything is started.

    Raises:
        ParamsError: They do not fit. `data["problems"]` lists path, message, what is allowed and
            what was given; `data["example"]` is a corrected object.
    """
    # Compiled code that only a start needs; lists of runs and plugins do without.
    from synapse_core.operations.param_problems import (  # noqa: PLC0415 - see above
        correct,
        find_problems,
    )

    problems = find_problems(schema.params, params)
    if not problems:
        return
    names = [str(problem["path"]) for problem in problems]
    listed = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    count = "1 param does" if len(problems) == 1 else f"{len(problems)} params do"
    raise ParamsError(
        f"{count} not fit: {listed}.",
        hint="Correct the params; the schema tells what is allowed.",
        problems=list[JSONValue](problems),
        example=correct(schema.params, params, schema.example),
    )


def _categories(plugin: Plugin) -> set[PluginCategory]:
    return {plugin.category, *(spec.category for spec in plugin.actions.values())}


def _weigh(plugin: Plugin, words: Sequence[str]) -> tuple[int, int]:
    """Return how many of the words the plugin has, and how much they weigh where they stand."""
    specs = plugin.actions.values()
    actions = " ".join(f"{spec.name} {spec.title}" for spec in specs)
    texts = (
        (8, f"{plugin.code} {plugin.name}"),
        (4, " ".join([actions, *pipeline_names(plugin)])),
        (2, f"{plugin.description} {plugin.category}"),
        (1, " ".join([*(spec.description for spec in specs), *_told_of_pipelines(plugin)])),
    )
    folded = [(weight, text.casefold()) for weight, text in texts]
    matched = total = 0
    for word in words:
        found = sum(weight for weight, text in folded if word in text)
        is_exact = word == plugin.code.casefold()
        matched += bool(found)
        total += found + (16 if is_exact else 0)
    return matched, total


def _told_of_pipelines(plugin: Plugin) -> Iterator[str]:
    declared = plugin.manifest.get("pipelines")
    for entry in declared.values() if isinstance(declared, dict) else ():
        if isinstance(entry, dict):
            yield str(entry.get("description", ""))


def _name_list(words: Sequence[str], category: PluginCategory | None) -> str:
    """Return what tells one list from another, for its cursors."""
    text = json.dumps([*words, category])
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=6).hexdigest()


def _write_cursor(key: _Key, made_for: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([made_for, *key]).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, made_for: str) -> _Key:
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        name, missed, weight, code, path = json.loads(base64.urlsafe_b64decode(padded))
        key = (int(missed), int(weight), str(code), str(path))
    except (ValueError, TypeError, RecursionError):
        name, key = None, (0, 0, "", "")
    if name != made_for:
        raise CursorError(
            "The cursor was not made for this list of plugins.",
            hint="Pass next_cursor of the page before with the same query, or begin without one.",
        )
    return key

"""Finding plugins, and telling how their actions are called."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from synapse_core.errors import ActionError, DependencyError, PipelineDefinitionError
from synapse_core.model.plugin import ActionSpec, Plugin, PluginCategory
from synapse_core.operations.plugins import ActionDescription, broken_plugins, pipeline_names
from synapse_core.operations.startable import (
    describe_what_starts,
    find_what_starts,
    search_what_starts,
)
from synapse_core.types import JSONObject
from synapse_core.workspace import Workspace
from synapse_mcp.calls import Call
from synapse_mcp.errors import clip
from synapse_mcp.results.base import Result, Row, fit, suggest
from synapse_mcp.results.text import compact_json
from synapse_mcp.tools.declaration import Arguments, Effect, Tool

__all__ = [
    "PLUGIN_DESCRIBE",
    "PLUGIN_SEARCH",
    "DescribeArguments",
    "PluginDescription",
    "PluginList",
    "SearchArguments",
    "plugin_describe",
    "plugin_search",
]

_MAX_TEXT = 300
_MAX_EXAMPLE = 2_000
_MAX_ACTIONS = 12
"""Names shown for one plugin of a list."""

_MAX_BROKEN = 3


class SearchArguments(Arguments):
    """What to look for."""

    query: Annotated[str, Field(max_length=200, description="words of name or description")] = ""
    category: PluginCategory | None = None
    limit: Annotated[int, Field(ge=1, le=50)] = 20
    cursor: str | None = None


class PluginRow(Row):
    """One plugin of a list."""

    plugin: str
    version: str
    category: str
    actions: list[str]
    summary: str | None = None


class PluginList(Result):
    """One page of plugins."""

    plugins: list[PluginRow]
    next_cursor: str | None = None
    next: list[str] = Field(default_factory=list[str])


def plugin_search(call: Call, arguments: SearchArguments) -> PluginList:
    """Find plugins below the server's roots, and the names of their actions."""
    given = arguments.model_dump(mode="json", exclude_unset=True, exclude={"cursor"})

    def build(limit: int) -> PluginList:
        page = search_what_starts(
            call.workspace,
            arguments.query,
            category=arguments.category,
            limit=limit,
            cursor=arguments.cursor,
        )
        on = page.next_cursor
        more = [suggest("plugin_search", **given, cursor=on)] if on else []
        return PluginList(
            plugins=[_row(plugin) for plugin in page.items],
            next_cursor=on,
            next=[*_after_search(call, page.items, arguments), *more],
        )

    return fit(build, arguments.limit)


def _row(plugin: Plugin) -> PluginRow:
    names = [*plugin.actions, *pipeline_names(plugin)]
    more = len(names) - _MAX_ACTIONS
    return PluginRow(
        plugin=plugin.code,
        version=plugin.version,
        category=plugin.category.value,
        actions=[*names[:_MAX_ACTIONS], *([f"and {more} more"] if more > 0 else [])],
        summary=clip(plugin.description or plugin.name, _MAX_TEXT) or None,
    )


def _after_search(call: Call, found: tuple[Plugin, ...], arguments: SearchArguments) -> list[str]:
    if found:
        return [suggest("plugin_describe", plugin=found[0].code)]
    broken = () if call.workspace.service is not None else broken_plugins(call.workspace)
    if broken:
        # What is looked for may well be what nobody can read.
        return [suggest("plugin_check", path=str(one.path)) for one in broken[:_MAX_BROKEN]]
    if arguments.query or arguments.category:
        return [suggest("plugin_search")]
    return [suggest("plugin_scaffold", name="my_plugin", dry_run=True)]


class DescribeArguments(Arguments):
    """What to describe."""

    plugin: Annotated[str, Field(max_length=1000, description="code, or path of its folder")]
    action: str | None = None
    detail: Annotated[
        Literal["concise", "full"], Field(description="full adds result schema and form")
    ] = "concise"


class ActionView(Row):
    """One action of a plugin."""

    name: str
    description: str | None = None
    example: dict[str, JsonValue] | None = None
    error: str | None = None


class PluginDescription(Result):
    """A plugin, or one action of it with the schema of its params."""

    as_json: ClassVar[frozenset[str]] = frozenset({"params", "example", "result", "form", "needs"})

    plugin: str
    version: str
    category: str
    path: str
    description: str | None = None
    actions: list[ActionView] | None = None
    action: str | None = None
    needs: dict[str, JsonValue] | None = None
    params: dict[str, JsonValue] | None = None
    example: dict[str, JsonValue] | None = None
    result: dict[str, JsonValue] | None = None
    form: list[dict[str, JsonValue]] | None = None
    truncated: str | None = None
    next: list[str] = Field(default_factory=list[str])


def plugin_describe(call: Call, arguments: DescribeArguments) -> PluginDescription:
    """Describe a plugin and its actions; with action, its params as JSON schema and an example."""
    plugin = find_what_starts(call.workspace, arguments.plugin)
    if arguments.action is None:
        return _whole(call.workspace, plugin)
    described = describe_what_starts(call.workspace, plugin, arguments.action)
    return _one(call.workspace, described, is_full=arguments.detail == "full")


def _whole(workspace: Workspace, plugin: Plugin) -> PluginDescription:
    names = (*plugin.actions, *pipeline_names(plugin))
    views = [_view(workspace, plugin, name) for name in names]

    def build(most: int) -> PluginDescription:
        cut = f"the first {most} of {len(views)} actions" if most < len(views) else None
        return _head(workspace, plugin).model_copy(
            update={
                "actions": views[:most],
                "truncated": cut,
                "next": _after_whole(plugin, views),
            }
        )

    return fit(build, max(1, len(views)))


def _head(workspace: Workspace, plugin: Plugin) -> PluginDescription:
    far = None if plugin.path.is_absolute() else workspace.service
    return PluginDescription(
        plugin=plugin.code,
        version=plugin.version,
        category=plugin.category.value,
        path=str(plugin.path) if far is None else far.url,
        description=clip(plugin.description, _MAX_TEXT) or None,
    )


def _view(workspace: Workspace, plugin: Plugin, name: str) -> ActionView:
    spec = plugin.actions.get(name)
    description = clip(spec.description or spec.title, _MAX_TEXT) or None if spec else None
    try:
        described = describe_what_starts(workspace, plugin, name)
    except (ActionError, DependencyError, PipelineDefinitionError) as error:
        # One action that cannot be loaded must not hide the others.
        return ActionView(name=name, description=description, error=clip(str(error), _MAX_TEXT))
    told = description or clip(described.spec.description, _MAX_TEXT) or None
    return ActionView(name=name, description=told, example=_short(described.schema.example))


def _short(example: JSONObject) -> dict[str, JsonValue] | None:
    return dict[str, JsonValue](example) if len(compact_json(example)) <= _MAX_EXAMPLE else None


def _after_whole(plugin: Plugin, views: list[ActionView]) -> list[str]:
    calls = [suggest("plugin_describe", plugin=plugin.code, action=view.name) for view in views[:1]]
    if plugin.path.is_absolute() and (any(view.error for view in views) or not views):
        calls.append(suggest("plugin_check", path=str(plugin.path)))
    return calls


def _one(workspace: Workspace, described: ActionDescription, *, is_full: bool) -> PluginDescription:
    plugin, spec, schema = described.plugin, described.spec, described.schema
    more = {"result": schema.result, "form": schema.form} if is_full else {}
    # In the order in which a caller needs them; the last ones go first when all is too much.
    parts = {"example": schema.example, "params": schema.params, **more}
    start = suggest("run_start", plugin=plugin.code, action=spec.name, params=schema.example)

    def build(most: int) -> PluginDescription:
        shown = {name: part for name, part in list(parts.items())[:most] if part is not None}
        left_out = [name for name in parts if name not in shown and parts[name] is not None]
        return _head(workspace, plugin).model_copy(
            update={
                "action": spec.name,
                "description": clip(spec.description or spec.title, _MAX_TEXT) or None,
                "needs": _needs(spec) or None,
                "truncated": _told(left_out, plugin, spec) if left_out else None,
                "next": [start] if len(start) <= _MAX_EXAMPLE else [],
                **shown,
            }
        )

    return fit(build, len(parts))


def _told(left_out: list[str], plugin: Plugin, spec: ActionSpec) -> str:
    uri = f"plugin://{plugin.code}/{spec.name}/schema"
    return f"{', '.join(left_out)} left out; the resource {uri} has all of it"


def _needs(spec: ActionSpec) -> dict[str, JsonValue]:
    """Return what is asked of machine and time, as far as it is not the usual."""
    stated: dict[str, JsonValue] = {
        "cpus": spec.resources.cpus,
        "gpus": spec.resources.gpus,
        "memory_mb": spec.resources.memory_mb,
        "custom": dict[str, JsonValue](spec.resources.custom) or None,
        "timeout_s": spec.timeout_s,
        "retries": spec.retry.retries or None,
        "input_type": spec.input_type,
        "output_type": spec.output_type,
    }
    return {name: value for name, value in stated.items() if value is not None}


PLUGIN_SEARCH = Tool(
    run=plugin_search,
    arguments=SearchArguments,
    result=PluginList,
    title="Find plugins",
    effect=Effect.READS,
    example={"query": "image", "limit": 10},
    is_preloaded=True,
)

PLUGIN_DESCRIBE = Tool(
    run=plugin_describe,
    arguments=DescribeArguments,
    result=PluginDescription,
    title="Describe a plugin",
    effect=Effect.READS,
    example={"plugin": "my_plugin", "action": "train"},
    search_hint="action params schema example",
)

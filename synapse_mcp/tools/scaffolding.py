"""Writing plugins and actions from templates."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from synapse_core.errors import OverwriteRefusedError
from synapse_core.model.plugin import ActionForm, PluginCategory
from synapse_core.workspace import Workspace
from synapse_mcp.calls import Call
from synapse_mcp.errors import clip
from synapse_mcp.results.base import Result, fit, suggest
from synapse_mcp.tools.declaration import Arguments, Effect, Tool

if TYPE_CHECKING:
    from synapse_core.operations.scaffolding import ScaffoldReport

__all__ = ["PLUGIN_SCAFFOLD", "ScaffoldArguments", "ScaffoldResult", "plugin_scaffold"]

_MAX_DIFF = 7_000


class ScaffoldArguments(Arguments):
    """What to write, and where."""

    name: Annotated[str | None, Field(description="code of a new plugin")] = None
    template: PluginCategory = PluginCategory.CUSTOM
    dir: Annotated[str | None, Field(max_length=1000, description="where; else the root")] = None
    plugin: Annotated[
        str | None, Field(max_length=1000, description="add an action to it; instead of name")
    ] = None
    action: str = ""
    form: ActionForm = ActionForm.CLASS
    description: str = ""
    dry_run: Annotated[bool, Field(description="only show the diff")] = False

    @model_validator(mode="after")
    def _names_one_thing(self) -> Self:
        if (self.name is None) == (self.plugin is None):
            raise ValueError("give either name, for a new plugin, or plugin with action")
        if self.plugin is not None and not self.action:
            raise ValueError("action is required to add one to a plugin")
        return self


class ScaffoldResult(Result):
    """What was written, or would be."""

    plugin: str
    action: str
    path: str
    files: list[str]
    dry_run: bool
    diff: str | None = None
    truncated: str | None = None
    next: list[str] = Field(default_factory=list[str])


def plugin_scaffold(call: Call, arguments: ScaffoldArguments) -> ScaffoldResult:
    """Write a new plugin that is valid, tested and runs at once, or add an action to a plugin.

    Nothing is ever overwritten.
    """
    try:
        report = _write(call.workspace, arguments)
    except OverwriteRefusedError as error:  # its own advice is for doors that can replace files
        raise OverwriteRefusedError.rebuild(error.message, "", error.data) from error

    def build(size: int) -> ScaffoldResult:
        diff = clip(report.diff, size) if report.is_dry_run else None
        is_cut = diff is not None and diff != report.diff
        return ScaffoldResult(
            plugin=report.plugin,
            action=report.action,
            path=str(report.path),
            files=[f"{file.change.value} {file.path}" for file in report.files],
            dry_run=report.is_dry_run,
            diff=diff or None,
            truncated=f"diff, of {len(report.diff)} characters" if is_cut else None,
            next=_next_calls(report, arguments),
        )

    return fit(build, _MAX_DIFF)


def _write(workspace: Workspace, arguments: ScaffoldArguments) -> "ScaffoldReport":
    from synapse_core.operations.scaffolding import (  # noqa: PLC0415 - delays the first call of any tool
        AddAction,
        CreatePlugin,
        add_action,
        create_plugin,
    )

    if arguments.plugin is not None:
        return add_action(
            workspace,
            AddAction(
                plugin=arguments.plugin,
                action=arguments.action,
                form=arguments.form,
                description=arguments.description,
                dry_run=arguments.dry_run,
            ),
        )
    return create_plugin(
        workspace,
        CreatePlugin(
            code=arguments.name or "",
            category=arguments.template,
            folder=Path(arguments.dir) if arguments.dir is not None else None,
            action=arguments.action,
            description=arguments.description,
            dry_run=arguments.dry_run,
        ),
    )


def _next_calls(report: "ScaffoldReport", arguments: ScaffoldArguments) -> list[str]:
    if report.is_dry_run:
        given = arguments.model_dump(mode="json", exclude_unset=True, exclude={"dry_run"})
        return [suggest("plugin_scaffold", **given)]
    path = str(report.path)
    return [
        suggest("plugin_check", path=path),
        suggest("plugin_describe", plugin=path, action=report.action),
    ]


PLUGIN_SCAFFOLD = Tool(
    run=plugin_scaffold,
    arguments=ScaffoldArguments,
    result=ScaffoldResult,
    title="Write a plugin",
    effect=Effect.ADDS,
    example={"name": "my_plugin", "template": "custom", "dry_run": True},
    search_hint="new create plugin action template",
)

"""Write new plugins and actions."""

import contextlib
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from synapse_core.errors import InvalidInputError, ManifestError, PathRefusedError, StorageError
from synapse_core.model.plugin import ActionForm, Plugin, PluginCategory
from synapse_core.operations.plugins import find_plugin
from synapse_core.scaffold.blueprints import (
    FileTree,
    PluginPlan,
    build_plugin_files,
    load_blueprint,
)
from synapse_core.scaffold.changes import Change, FileChange, build_diff, plan_changes
from synapse_core.scaffold.declaring import declare_action
from synapse_core.scaffold.extending import (
    ActionPlan,
    build_action_files,
    find_home,
    refuse_taken_action,
)
from synapse_core.scaffold.names import check_action_name, check_plugin_code, check_text
from synapse_core.scaffold.placing import place_files, refuse_overwriting
from synapse_core.workspace import Workspace

__all__ = [
    "ActionForm",
    "AddAction",
    "Change",
    "CreatePlugin",
    "ScaffoldReport",
    "ScaffoldedFile",
    "add_action",
    "create_plugin",
]

_MANIFEST = PurePosixPath("config.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePlugin:
    """A wish for a new plugin.

    Attributes:
        code: Its code, in lower case; its folder and its package get the same name.
        category: What it is for; chooses the template.
        folder: Where to put its folder; None for the first root. Relative to that root.
        action: Name of its action; empty for the template's own.
        title: Name for people; empty for the code in words.
        description: What it does, in a sentence; empty for the template's own.
        force: Replace files that are there.
        dry_run: Only tell what would be written.
    """

    code: str
    category: PluginCategory = PluginCategory.CUSTOM
    folder: Path | None = None
    action: str = ""
    title: str = ""
    description: str = ""
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AddAction:
    """A wish for one more action of a plugin.

    Attributes:
        plugin: Code of the plugin, or path of its folder.
        action: Name of the action, in lower case.
        form: Whether to write a class or a function.
        title: Name for people; empty for the name in words.
        description: What it does, in a sentence.
        force: Replace files that are there.
        dry_run: Only tell what would be written.
    """

    plugin: str
    action: str
    form: ActionForm = ActionForm.CLASS
    title: str = ""
    description: str = ""
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ScaffoldedFile:
    """A file, and what happened or would happen to it.

    Attributes:
        path: Relative to the plugin's folder, with `/`.
        change: What happened; `replaced` means that earlier content is lost.
    """

    path: str
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaffoldReport:
    """What was written, or would be.

    Attributes:
        plugin: Code of the plugin.
        action: The action that can be run now.
        path: Folder of the plugin.
        files: Its files that were looked at, in the order in which they are written.
        diff: The changes as a unified diff.
        next_steps: Commands that make sense now.
        is_dry_run: Whether nothing was written.
    """

    plugin: str
    action: str
    path: Path
    files: tuple[ScaffoldedFile, ...]
    diff: str
    next_steps: tuple[str, ...]
    is_dry_run: bool


def create_plugin(workspace: Workspace, request: CreatePlugin) -> ScaffoldReport:
    """Write a new plugin that is valid, tested, and runs at once.

    It appears with all its files at once, or not at all.

    Raises:
        InvalidInputError: A name or text cannot be used; the hint suggests one that can.
        OverwriteRefusedError: Files are there with other content, and `force` is not set.
        PathRefusedError: The folder lies outside the roots, or a link or file is in the way.
        StorageError: The files cannot be written.
    """
    code = check_plugin_code(request.code)
    plan = PluginPlan(
        code=code,
        category=request.category,
        action=check_action_name(request.action) if request.action else "",
        title=check_text(request.title, "title"),
        description=check_text(request.description, "description"),
    )
    folder = _choose_folder(workspace, request.folder) / code
    if folder.is_symlink():
        raise PathRefusedError(
            f"{folder} is a link, which may lead anywhere.",
            hint="Remove the link, or choose another folder or name.",
            path=str(folder),
        )
    files = build_plugin_files(plan)
    changes = plan_changes(folder, files)
    _write(folder, changes, force=request.force, dry_run=request.dry_run)
    action = plan.action or load_blueprint(plan.category).action
    return _report(code, action, folder, changes, is_dry_run=request.dry_run)


def add_action(workspace: Workspace, request: AddAction) -> ScaffoldReport:
    """Write one more action with a test, and declare it; every other line of the manifest stays.

    Raises:
        InvalidInputError: A name or text cannot be used, or the plugin has such an action.
        ManifestError: The plugin's `config.yaml` is broken, or has no place for another action.
        OverwriteRefusedError: A file is there with other content, and `force` is not set.
        PathRefusedError: A link or file is in the way.
        PluginNotFoundError: There is no such plugin.
        StorageError: The files cannot be written.
    """
    plan = ActionPlan(
        action=check_action_name(request.action),
        form=request.form,
        title=check_text(request.title, "title"),
        description=check_text(request.description, "description"),
    )
    plugin = find_plugin(workspace, request.plugin)
    refuse_taken_action(plan.action, plugin.code, plugin.actions)
    files = _build_extension(plugin, plan)
    changes = plan_changes(plugin.path, files, updates=[_MANIFEST])
    _write(plugin.path, changes, force=request.force, dry_run=request.dry_run)
    return _report(plugin.code, plan.action, plugin.path, changes, is_dry_run=request.dry_run)


def _build_extension(plugin: Plugin, plan: ActionPlan) -> FileTree:
    entrypoints = [spec.entrypoint for spec in plugin.actions.values()]
    home = find_home(plugin.path, plugin.code, entrypoints)
    if not home.package:
        # At the top of a plugin a module is as visible to others as a package would be.
        check_plugin_code(plan.action)
    needs_package = not (plugin.path / home.folder).exists()
    files, declaration = build_action_files(plan, home, needs_package=needs_package)
    manifest = plugin.path / _MANIFEST
    try:
        text = manifest.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ManifestError(f"{manifest} is not UTF-8 text.", hint="Save it as UTF-8.") from error
    except OSError as error:
        raise StorageError(f"Cannot read {manifest}: {error.strerror}.") from error
    # Last, so that no action is declared before its module is there.
    return {**files, _MANIFEST: declare_action(text, declaration).encode()}


def _choose_folder(workspace: Workspace, wanted: Path | None) -> Path:
    """Return the folder to put a plugin into, absolute and without links."""
    base = workspace.roots[0]
    try:
        folder = base / (wanted or "").expanduser() if wanted else base
        place = Path(os.path.realpath(folder))
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            place.lstat()  # raises for what no path can be, be it there or not
    except (ValueError, RuntimeError, OSError) as error:
        raise InvalidInputError(
            f"{str(wanted)!a} is not a path: {error}.",
            hint="Give the path of a folder.",
            path=str(wanted),
        ) from error
    root = next((root for root in workspace.roots if place.is_relative_to(root)), None)
    if root is None:
        roots = ", ".join(str(root) for root in workspace.roots)
        raise PathRefusedError(
            f"{place} lies outside the folders where plugins may be: {roots}.",
            hint="Choose a folder below one of them.",
            path=str(place),
        )
    for outer in (place, *place.parents):
        if (outer / _MANIFEST).is_file():
            raise PathRefusedError(
                f"{outer} is a plugin, and a plugin inside a plugin would not be found.",
                hint="Choose a folder beside it, or add an action to it instead.",
                path=str(place),
            )
        if outer == root:
            break
    return place


def _write(folder: Path, changes: Sequence[FileChange], *, force: bool, dry_run: bool) -> None:
    if dry_run:
        return
    if not force:
        refuse_overwriting(folder, changes)
    place_files(folder, changes)


def _report(
    plugin: str, action: str, folder: Path, changes: Sequence[FileChange], *, is_dry_run: bool
) -> ScaffoldReport:
    where = shlex.quote(str(folder))
    return ScaffoldReport(
        plugin=plugin,
        action=action,
        path=folder,
        files=tuple(ScaffoldedFile(str(change.path), change.change) for change in changes),
        diff=build_diff(changes),
        next_steps=(
            f"synapse plugin check {where}",
            f"synapse plugin test {where}",
            f"synapse plugin run {action} --plugin {where}",
        ),
        is_dry_run=is_dry_run,
    )

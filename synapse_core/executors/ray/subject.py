"""What is to be run, as a run names it: from an action at hand, or from its name in a plugin."""

import inspect
import sys
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from synapse_core.actions.definition import Action, definition_of
from synapse_core.discovery.from_config import describe_plugin
from synapse_core.errors import ActionDefinitionError, ActionNotFoundError, InvalidInputError
from synapse_core.model.run import Resources, RetryPolicy
from synapse_core.plugins.files import find_files
from synapse_core.plugins.layout import MANIFEST, find_prefix

__all__ = ["Subject", "find_subject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An action, and what its plugin says of it.

    Attributes:
        folder: The plugin's folder.
        plugin: Code of the plugin.
        version: Its version; empty when it says none.
        action: Name of the action.
        entrypoint: `module:attribute`.
        env: Variables of the plugin.
        resources: What the action needs.
        timeout_s: Seconds an attempt may take; None for no limit.
        retry: How failed attempts are repeated.
        result_model: What its result is read back as; None for plain JSON.
    """

    folder: Path
    plugin: str
    action: str
    entrypoint: str
    version: str = ""
    env: dict[str, str] = field(default_factory=dict[str, str])
    resources: Resources = Resources()
    timeout_s: float | None = None
    retry: RetryPolicy = RetryPolicy()
    result_model: type[BaseModel] | None = None


def find_subject(action: Action | str, folder: Path | None) -> Subject:
    """Return what is meant.

    Args:
        action: The action itself, or its name in the plugin.
        folder: The plugin's folder; None for the one that the action's source lies in.

    Raises:
        ActionDefinitionError: It is no action, or another process could not import it.
        ActionNotFoundError: The plugin has none of this name.
        InvalidInputError: There is no folder.
        ManifestError: The plugin's `config.yaml` cannot be used.
    """
    if isinstance(action, str):
        return _from_plugin(action, _checked(folder))
    definition = definition_of(action)
    file = _source_of(action)
    place = _checked(folder) if folder is not None else _folder_of(file)
    entrypoint = _entrypoint_of(action, file, place)
    result_model = definition.result_model
    if not (place / MANIFEST).is_file():
        return Subject(
            folder=place,
            plugin=place.name,
            action=definition.name,
            entrypoint=entrypoint,
            result_model=result_model,
        )
    plugin = describe_plugin(place, find_files(place))
    spec = next((one for one in plugin.actions.values() if one.entrypoint == entrypoint), None)
    return Subject(
        folder=place,
        plugin=plugin.code,
        version=plugin.version,
        action=spec.name if spec is not None else definition.name,
        entrypoint=entrypoint,
        env=dict(plugin.env),
        resources=spec.resources if spec is not None else Resources(),
        timeout_s=spec.timeout_s if spec is not None else None,
        retry=spec.retry if spec is not None else RetryPolicy(),
        result_model=result_model,
    )


def _from_plugin(name: str, folder: Path) -> Subject:
    plugin = describe_plugin(folder, find_files(folder))
    spec = plugin.actions.get(name)
    if spec is None or not spec.entrypoint:
        raise ActionNotFoundError(plugin.code, name, plugin.actions)
    return Subject(
        folder=folder,
        plugin=plugin.code,
        version=plugin.version,
        action=name,
        entrypoint=spec.entrypoint,
        env=dict(plugin.env),
        resources=spec.resources,
        timeout_s=spec.timeout_s,
        retry=spec.retry,
    )


def _checked(folder: Path | None) -> Path:
    if folder is None:
        raise InvalidInputError(
            "Nothing tells where the plugin is.", hint="Give its folder as working_dir."
        )
    if not folder.is_dir():
        raise InvalidInputError(f"There is no folder {folder}.", hint="Correct working_dir.")
    return folder.resolve()


def _source_of(action: Action) -> Path:
    module = sys.modules.get(action.__module__)
    try:
        file = inspect.getsourcefile(module) if module is not None else None
    except TypeError:  # the prompt of an interpreter, a notebook
        file = None
    if file is None or not Path(file).is_file():
        raise ActionDefinitionError(
            f"{action.__qualname__} is defined in no file, so no other process can import it.",
            hint="Move it into a module of a plugin, or use LocalExecutor.",
        )
    return Path(file).resolve()


def _folder_of(file: Path) -> Path:
    """Return the nearest folder above with a manifest; else the one outside the file's package."""
    for folder in file.parents:
        if (folder / MANIFEST).is_file():
            return folder
    folder = file.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _entrypoint_of(action: Action, file: Path, folder: Path) -> str:
    name = action.__qualname__
    if "<locals>" in name or not file.is_relative_to(folder):
        where = "inside a function" if "<locals>" in name else f"in {file}, outside {folder}"
        raise ActionDefinitionError(
            f"{name} is defined {where}, so another process cannot import it.",
            hint="Define it at the top of a module of the plugin.",
        )
    parts = [*file.relative_to(folder).with_suffix("").parts]
    if parts[-1] == "__init__":
        parts.pop()
    prefix = find_prefix(folder)
    return f"{'.'.join([prefix, *parts] if prefix else parts)}:{name}"

"""Runs an action of a plugin by name, in one call."""

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from synapse_core.actions.definition import Action, definition_of, is_action
from synapse_core.actions.loading import isolated_modules, load_action
from synapse_core.discovery.from_config import describe_plugin
from synapse_core.errors import (
    ActionNotFoundError,
    InvalidInputError,
    ManifestError,
    PluginNotFoundError,
    StorageError,
)
from synapse_core.executors.local import LocalExecutor
from synapse_core.model.plugin import Plugin
from synapse_core.plugins.files import find_files
from synapse_core.plugins.layout import MANIFEST
from synapse_core.plugins.parsing import load_manifest

__all__ = ["Mode", "run_plugin"]

Mode = Literal["local", "task", "job"]
"""Where an action is run; see `run_plugin`."""


def run_plugin(
    plugin_code: str | os.PathLike[str],
    action: str,
    params: Mapping[str, object] | BaseModel | None = None,
    *,
    mode: Mode = "local",
    env: Mapping[str, object] | None = None,
    job_id: str | None = None,
    action_cls: Action | None = None,
) -> Any:  # noqa: ANN401 - whatever the action returns
    """Run an action of a plugin and return its result.

    Works from any working directory. Its modules are imported as they are now and forgotten
    afterwards, so that two plugins with the same module names never meet.

    Args:
        plugin_code: A plugin's folder; or the code of one in or just below the working directory;
            or the name of a module or package that can be imported.
        action: Name of the action.
        params: What it is given.
        mode: `local` runs it in this process; `task` runs it on Ray, in a worker process on the
            cluster of this machine, and `job` as a job there.
        env: Variables for the action, besides those in the plugin's `config.yaml`.
        job_id: Id that the action sees.
        action_cls: The action itself, when it is at hand; then nothing is looked for.

    Raises:
        ActionLoadError: The action cannot be imported.
        ActionNotFoundError: The plugin has no such action.
        InvalidInputError: There is no such mode.
        ManifestError: The plugin's `config.yaml` cannot be used.
        MissingExtraError: The mode needs Ray.
        PluginNotFoundError: There is no such plugin.
        BaseException: Whatever the action raises.
    """
    if mode != "local":
        return _run_on_ray(plugin_code, action_cls or action, params, mode, env, job_id)
    if action_cls is not None:
        return LocalExecutor(env, job_id).execute(action_cls, params)
    with _working_directory_on_path():
        folder = _find_folder(plugin_code)
        if folder is None:
            found = _find_in_module(os.fspath(plugin_code), action)
            return LocalExecutor(env, job_id).execute(found, params)
        plugin = describe_plugin(folder, find_files(folder))
        executor = LocalExecutor({**plugin.env, **(env or {})}, job_id)
        with isolated_modules(folder):
            return executor.execute(_load(plugin, action), params)


def _run_on_ray(
    plugin_code: str | os.PathLike[str],
    action: Action | str,
    params: Mapping[str, object] | BaseModel | None,
    mode: str,
    env: Mapping[str, object] | None,
    job_id: str | None,
) -> Any:  # noqa: ANN401 - whatever the action returns
    if mode not in {"task", "job"}:
        raise InvalidInputError(f"There is no mode {mode!r}.", hint="Modes: local, task, job.")
    # Only what runs there needs it.
    from synapse_core.executors.ray import (  # noqa: PLC0415 (see above)
        RayActorExecutor,
        RayJobExecutor,
    )

    with _working_directory_on_path():
        folder = _find_folder(plugin_code)
    if folder is None:
        raise InvalidInputError(
            f"{os.fspath(plugin_code)!r} is a module, and only plugins run on Ray.",
            hint=f"Put a {MANIFEST} beside it; `synapse plugin create` writes one.",
        )
    if mode == "task":
        tasks = RayActorExecutor(folder, env=env, job_id=job_id)
        try:
            return tasks.execute(action, params)
        finally:
            tasks.shutdown()
    jobs = RayJobExecutor(working_dir=folder, env=env)
    try:
        return jobs.wait(jobs.submit(action, params))
    finally:
        jobs.shutdown()


@contextlib.contextmanager
def _working_directory_on_path() -> Generator[None]:
    """Let modules beside the caller be found, behind all others."""
    path = list(sys.path)
    sys.path.append(str(Path.cwd()))
    try:
        yield
    finally:
        sys.path[:] = path


def _find_folder(reference: str | os.PathLike[str]) -> Path | None:
    """Return the folder of a plugin; None when only a module could be meant."""
    here = Path.cwd()
    given = here / Path(reference).expanduser()
    if (given / MANIFEST).is_file():
        return given.resolve()
    code = os.fspath(reference)
    if not all(part.isidentifier() for part in code.split(".")):
        raise PluginNotFoundError(
            f"There is no plugin at {given}: no {MANIFEST} lies there.",
            hint="Name the folder that holds the config.yaml.",
        )
    near = [here, *sorted(one for one in here.iterdir() if one.is_dir())]
    by_code = next((folder for folder in near if _has_code(folder, code)), None)
    return by_code or _find_package(code)


def _has_code(folder: Path, code: str) -> bool:
    if not (folder / MANIFEST).is_file():
        return False
    try:
        return load_manifest(folder).code == code
    except (ManifestError, StorageError):
        return False  # somebody else's config.yaml, or a broken plugin that nobody asked for


def _find_package(name: str) -> Path | None:
    """Return the folder of an importable package when it is a plugin."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        spec = None
    if spec is None:
        raise PluginNotFoundError(
            f"There is no plugin {name!r}: no folder in {Path.cwd()} has a {MANIFEST} that says "
            "so, and no module of this name can be imported.",
            hint="Give the path of the plugin's folder.",
        )
    folders = map(Path, spec.submodule_search_locations or ())
    return next((one.resolve() for one in folders if (one / MANIFEST).is_file()), None)


def _load(plugin: Plugin, action: str) -> Action:
    spec = plugin.actions.get(action)
    if spec is None or not spec.entrypoint:
        raise ActionNotFoundError(plugin.code, action, plugin.actions)
    return load_action(plugin.path, spec.entrypoint)


def _find_in_module(name: str, action: str) -> Action:
    values = vars(importlib.import_module(name)).values()
    found = {definition_of(one).name: one for one in values if is_action(one)}
    if action not in found:
        raise ActionNotFoundError(name, action, found)
    return found[action]

"""Finds the action that an entrypoint of a plugin names."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from synapse_core.actions.advice import advise
from synapse_core.actions.definition import Action, definition_of, is_action
from synapse_core.actions.fresh_modules import KEPT_NAMES, isolated_modules, prefer, top_names
from synapse_core.actions.places import find_frame
from synapse_core.errors import (
    ActionDefinitionError,
    ActionLoadError,
    RunCancelledError,
    RunTimeoutError,
    nearest,
)
from synapse_core.plugins.layout import find_prefix, split_entrypoint

__all__ = ["isolated_modules", "load_action"]


def load_action(folder: Path, entrypoint: str) -> Action:
    """Import a plugin's module as it is now, and return the action in it.

    The plugin's import root becomes the first entry of `sys.path`, and stays there; actions of one
    plugin share its modules, until `isolated_modules` lets go of them.

    Args:
        folder: The plugin's folder.
        entrypoint: `module:attribute` or `module.attribute`.

    Raises:
        ActionLoadError: The module cannot be imported, lacks the attribute, or has something there
            that is no action. Its cause is what was raised by the plugin's own code.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise ActionLoadError(
            f"There is no folder {folder}.", hint="The plugin was moved or removed: look for it."
        )
    module_name, attribute = _parse(entrypoint)
    root = folder.parent if find_prefix(folder, [entrypoint]) else folder
    prefer(folder, root)
    module = _import(module_name, folder, root)
    action = _get(module, attribute)
    try:
        definition_of(action).check()
    except ActionDefinitionError as error:
        raise ActionLoadError(
            f"{entrypoint} is no action that can be run: {error.message}", hint=error.hint
        ) from error
    return action


def _parse(entrypoint: str) -> tuple[str, str]:
    module, attribute = split_entrypoint(entrypoint)
    if all(name.isidentifier() for name in (*module.split("."), *attribute.split("."))):
        return module, attribute
    raise ActionLoadError(
        f"The entrypoint {entrypoint!r} does not name an attribute of a module.",
        hint="Write it as module:attribute, such as my_plugin.train:TrainAction.",
    )


def _import(name: str, folder: Path, root: Path) -> ModuleType:
    top = name.partition(".")[0]
    if top in KEPT_NAMES and top in top_names(folder, root):
        raise ActionLoadError(
            f"The module {top!r} of the plugin has the name of one that Python or Synapse uses.",
            hint=f"Rename it, for example to my_{top}, and correct the entrypoint.",
        )
    try:
        return importlib.import_module(name)
    except (KeyboardInterrupt, RunCancelledError, RunTimeoutError):
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            _tell_missing(name, error.name, folder, root, error)
        _tell_broken(name, folder, error)
    except BaseException as error:  # noqa: BLE001 - an import may exit too
        _tell_broken(name, folder, error)


def _tell_missing(name: str, missing: str, folder: Path, root: Path, error: Exception) -> NoReturn:
    above = missing.rpartition(".")[0]
    if above:
        place = root.joinpath(*above.split("."))
        known = [f"{above}.{one}" for one in top_names(place, place)] if place.is_dir() else []
    else:
        known = top_names(folder, root)
    expected = f"{missing.replace('.', '/')}.py"
    raise ActionLoadError(
        f"There is no module {missing!r} in {root}.",
        hint=f"{nearest(missing, known)} Make the file {expected}, or correct the entrypoint "
        f"{name!r}.".strip(),
    ) from error


def _tell_broken(name: str, folder: Path, error: BaseException) -> NoReturn:
    frame = find_frame(error, folder)
    place = f" at {Path(frame.file).name}:{frame.line}" if frame is not None else ""
    if isinstance(error, SystemExit):
        what = f"it exits with {error.code!r} while it is imported"
        hint = "Put what a script does below `if __name__ == '__main__':`."
    else:
        what = f"{type(error).__name__}: {error}"
        hint = advise(error) or "Correct that line, and look with `synapse plugin check`."
    raise ActionLoadError(
        f"The module {name!r} cannot be imported{place}: {what}", hint=hint
    ) from (error)


def _get(module: ModuleType, attribute: str) -> Action:
    found: object = module
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            known = [name for name, value in vars(module).items() if is_action(value)]
            listed = f"Actions there: {', '.join(known)}." if known else "It has no actions."
            raise ActionLoadError(
                f"The module {module.__name__!r} has no {attribute!r}.",
                hint=f"{nearest(attribute, known)} {listed}".strip(),
            ) from error
    if not is_action(found):
        what = "a function" if callable(found) else f"a value of type {type(found).__name__}"
        what = "a class" if isinstance(found, type) else what
        raise ActionLoadError(
            f"{module.__name__}:{attribute} is {what}, but no action.",
            hint="Name a subclass of BaseAction, or a function decorated with @action.",
        )
    return found  # pyright: ignore[reportReturnType] - `is_action` says so

"""Finds the action that an entrypoint of a plugin names."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from synapse_core.actions.advice import advise
from synapse_core.actions.definition import Action, definition_of, is_action
from synapse_core.actions.fresh_modules import isolated_modules, prefer, top_names
from synapse_core.actions.places import find_frame
from synapse_core.errors import (
    ActionDefinitionError,
    ActionLoadError,
    RunCancelledError,
    RunTimeoutError,
    nearest,
)

__all__ = ["find_import_root", "isolated_modules", "load_action", "split_entrypoint"]


def load_action(folder: Path, entrypoint: str) -> Action:
    """Import a plugin's module as it is now, and return the action in it.

    The plugin's import root becomes the first entry of `sys.path`, and stays there.

    Args:
        folder: The plugin's folder.
        entrypoint: `module:attribute` or `module.attribute`.

    Raises:
        ActionLoadError: The module cannot be imported, lacks the attribute, or has something there
            that is no action. Its cause is what was raised by the plugin's own code.
    """
    folder = folder.resolve()
    module_name, attribute = split_entrypoint(entrypoint)
    root = find_import_root(folder, module_name)
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


def split_entrypoint(entrypoint: str) -> tuple[str, str]:
    """Return module and attribute of `module:attribute` or `module.attribute`.

    Raises:
        ActionLoadError: It is neither.
    """
    module, colon, attribute = entrypoint.strip().partition(":")
    if not colon:
        module, _, attribute = entrypoint.strip().rpartition(".")
    names = [*module.split("."), *attribute.split(".")]
    if not all(name.isidentifier() for name in names):
        raise ActionLoadError(
            f"The entrypoint {entrypoint!r} does not name an attribute of a module.",
            hint="Write it as module:attribute, such as my_plugin.train:TrainAction.",
        )
    return module, attribute


def find_import_root(folder: Path, module: str) -> Path:
    """Return the folder that has the module: the plugin's, or its parent.

    A folder may itself be the package that its entrypoints name: `my_plugin/config.yaml` may say
    `my_plugin.actions:Train`.
    """
    top = module.partition(".")[0]
    if top == folder.name and not (folder / top).is_dir() and not (folder / f"{top}.py").is_file():
        return folder.parent
    return folder


def _import(name: str, folder: Path, root: Path) -> ModuleType:
    top = name.partition(".")[0]
    try:
        module = importlib.import_module(name)
    except (KeyboardInterrupt, RunCancelledError, RunTimeoutError):
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            _tell_missing(name, error.name, folder, root, error)
        _tell_broken(name, folder, error)
    except BaseException as error:  # noqa: BLE001 - an import may exit too
        _tell_broken(name, folder, error)
    if top in top_names(folder, root) and not _comes_from(sys.modules[top], root):
        raise ActionLoadError(
            f"The module {top!r} of the plugin stands behind another one of this name, which is "
            "in use already.",
            hint=f"Rename it, for example to my_{top}.",
        )
    return module


def _comes_from(module: ModuleType, root: Path) -> bool:
    places = [getattr(module, "__file__", None), *(getattr(module, "__path__", None) or ())]
    return any(isinstance(one, str) and Path(one).is_relative_to(root) for one in places)


def _tell_missing(name: str, missing: str, folder: Path, root: Path, error: Exception) -> NoReturn:
    above = missing.rpartition(".")[0]
    if above:
        place = root.joinpath(*above.split("."))
        known = [f"{above}.{one}" for one in top_names(place, place)] if place.is_dir() else []
    else:
        known = sorted(top_names(folder, root))
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
        what = "a class" if isinstance(found, type) else f"a {type(found).__name__}"
        raise ActionLoadError(
            f"{module.__name__}:{attribute} is {what}, but no action.",
            hint="Name a subclass of BaseAction, or a function decorated with @action.",
        )
    return found  # pyright: ignore[reportReturnType] - `is_action` says so

"""Builds what a plugin needs for one more action, in the way its other actions are kept."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

from synapse_core.errors import InvalidInputError
from synapse_core.model.plugin import ActionForm
from synapse_core.scaffold.blueprints import FileTree
from synapse_core.scaffold.declaring import Declaration
from synapse_core.scaffold.names import build_class_name, build_function_name, build_title
from synapse_core.scaffold.templating import render

__all__ = [
    "ActionPlan",
    "ModuleHome",
    "build_action_files",
    "find_home",
    "refuse_taken_action",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPlan:
    """A new action, its names checked before.

    Attributes:
        action: Its name.
        form: How it is written.
        title: Name for people; empty for its name in words.
        description: What it does; empty for its title.
    """

    action: str
    form: ActionForm = ActionForm.CLASS
    title: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleHome:
    """Where the modules of a plugin's actions lie.

    Attributes:
        package: Dotted name that leads to them; empty at the top of the plugin's folder.
        folder: The same as a path below the plugin's folder.
    """

    package: str
    folder: PurePosixPath


def find_home(folder: Path, code: str, entrypoints: Iterable[str]) -> ModuleHome:
    """Return where most of a plugin's actions lie; for the first action, a package by its code."""
    homes = Counter(
        home for entrypoint in entrypoints if (home := _home_of(folder, entrypoint)) is not None
    )
    if homes:
        return homes.most_common(1)[0][0]
    return ModuleHome(package=code, folder=PurePosixPath(code))


def build_action_files(
    plan: ActionPlan, home: ModuleHome, *, needs_package: bool
) -> tuple[FileTree, Declaration]:
    """Return the module and the test of a new action, and what `config.yaml` says of it.

    Args:
        plan: The action.
        home: Where its module goes.
        needs_package: Whether the package itself has to be made.
    """
    title = plan.title or build_title(plan.action)
    names = {
        "class_name": build_class_name(plan.action),
        "function_name": build_function_name(plan.action),
    }
    is_class = plan.form is ActionForm.CLASS
    attribute = f"{names['class_name']}Action" if is_class else names["function_name"]
    module = f"{home.package}.{plan.action}" if home.package else plan.action
    values: dict[str, object] = {
        "action": plan.action,
        "title": title,
        "description": plan.description or title,
        "module": module,
        "attribute": attribute,
        **names,
    }
    files: FileTree = {}
    if needs_package:
        package = render("plugin/package.py.j2", {"title": build_title(home.folder.name)})
        files[home.folder / "__init__.py"] = package.encode()
    body = render(f"action/{plan.form}.py.j2", values)
    files[home.folder / f"{plan.action}.py"] = body.encode()
    test = render("action/test_action.py.j2", values)
    files[PurePosixPath("tests", f"test_{plan.action}.py")] = test.encode()
    declaration = Declaration(
        action=plan.action,
        title=title,
        description=str(values["description"]),
        entrypoint=f"{module}:{attribute}",
    )
    return files, declaration


def refuse_taken_action(action: str, plugin: str, taken: Iterable[str]) -> None:
    """Say no to an action that is there already.

    Raises:
        InvalidInputError: It is.
    """
    names = sorted(taken)
    if action in names:
        raise InvalidInputError(
            f"Plugin {plugin!r} already has an action {action!r}.",
            hint=f"Choose a name that is not among {', '.join(names)}.",
            name=action,
            suggestion=_free_name(action, names),
        )


def _free_name(action: str, taken: Sequence[str]) -> str:
    return next(name for n in count(2) if (name := f"{action}_{n}") not in taken)


def _home_of(folder: Path, entrypoint: str) -> ModuleHome | None:
    """Return where the module of an entrypoint lies; None when it is not in the folder."""
    module, colon, _ = entrypoint.partition(":")
    parts = module.split(".") if colon else module.split(".")[:-1]
    if not parts or not all(part.isidentifier() for part in parts):
        return None
    is_itself = parts[0] == folder.name and not _is_module(folder / parts[0])
    inside = parts[1:] if is_itself else parts
    if (folder.joinpath(*inside) / "__init__.py").is_file():
        return ModuleHome(package=".".join(parts), folder=PurePosixPath(*inside))
    if inside and folder.joinpath(*inside).with_suffix(".py").is_file():
        return ModuleHome(package=".".join(parts[:-1]), folder=PurePosixPath(*inside[:-1]))
    return None


def _is_module(path: Path) -> bool:
    return path.is_dir() or path.with_suffix(".py").is_file()

"""Imports a plugin's actions and tells what they are; for a process that may be lost."""

import inspect
import itertools
import json
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, ValidationError

from synapse_core.actions.definition import Action, definition_of, is_action
from synapse_core.actions.failure import describe_failure
from synapse_core.actions.loading import load_action
from synapse_core.actions.problems import find_problems, tell_problems
from synapse_core.actions.schema import describe_schema
from synapse_core.discovery.from_ast import scan_source
from synapse_core.errors import ActionDefinitionError
from synapse_core.plugins.files import find_files
from synapse_core.plugins.layout import find_prefix
from synapse_core.types import DataType, JSONObject, JSONValue

__all__ = ["describe_action_object", "find_actions_in", "find_loaded_actions", "scan"]


def scan(path: Path, entrypoints: Mapping[str, str]) -> JSONObject:
    """Import actions and return what each of them is.

    Nothing is imported but what the entrypoints name; without any, what the source says are
    actions. Actions that stand beside them in the same modules are told too.

    Args:
        path: The plugin's folder.
        entrypoints: `module:attribute` by action name.

    Returns:
        `actions`: by name, an object with `entrypoint`, `kind`, `description`, `category` (null
        when the action does not say), `input_type`, `output_type`, `output_kinds`, `file` (relative
        to the folder), `line`, `schema` with `params`, `result`, `form` and `example`, and
        `example_problem`: why the params refuse that example, empty when they take it. `errors`: by
        name, the fields of `RunFailure`, for each action that cannot be loaded or described.
    """
    wanted = dict(entrypoints) or _find_entrypoints(path)
    actions: dict[str, JSONValue] = {}
    errors: dict[str, JSONValue] = {}
    for name, entrypoint in wanted.items():
        try:
            action = load_action(path, entrypoint)
            actions[name] = describe_action_object(action, entrypoint, path)
        except BaseException as error:  # noqa: BLE001 - user code may also exit; others go on
            errors[name] = asdict(describe_failure(error, path))
    known = set(wanted.values())
    for entrypoint, action in find_loaded_actions(path):
        name = definition_of(action).name
        if entrypoint in known or name in wanted or name in actions:
            continue
        try:
            actions[name] = describe_action_object(action, entrypoint, path)
        except Exception as error:  # noqa: BLE001 - validators of models are user code
            errors[name] = asdict(describe_failure(error, path))
    return {"actions": actions, "errors": errors}


def describe_action_object(action: Action, entrypoint: str, folder: Path) -> JSONObject:
    """Return what an imported action is, as `scan` tells it.

    Raises:
        ActionDefinitionError: It cannot be executed, or its params cannot be described as JSON.
    """
    definition = definition_of(action)
    definition.check()
    category = definition.category
    file, line = _locate(action, folder)
    schema = describe_schema(action)
    return {
        "entrypoint": entrypoint,
        "kind": definition.kind,
        "description": definition.description,
        "category": category.value if category is not None else None,
        "input_type": _name_type(definition.input_type),
        "output_type": _name_type(definition.output_type),
        "output_kinds": _name_kinds(definition.output_type),
        "file": file,
        "line": line,
        "schema": asdict(schema),
        "example_problem": _find_refusal(definition.params_model, schema.example),
    }


def find_loaded_actions(folder: Path) -> Iterator[tuple[str, Action]]:
    """Yield entrypoint and action of everything that imported modules of the folder define.

    Bases that do nothing themselves, and private names, are no actions.
    """
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and Path(file).is_relative_to(folder):
            yield from find_actions_in(module)


def find_actions_in(module: types.ModuleType) -> Iterator[tuple[str, Action]]:
    """Yield entrypoint and action of what a module defines, not of what it imports."""
    for name, value in list(vars(module).items()):
        is_own = getattr(value, "__module__", None) == module.__name__
        is_named = getattr(value, "__qualname__", None) == name and not name.startswith("_")
        if is_own and is_named and is_action(value) and _is_whole(value):
            yield f"{module.__name__}:{name}", value


def _is_whole(action: Action) -> bool:
    """Whether it is more than a base for others."""
    try:
        definition_of(action).check()
    except ActionDefinitionError:
        return False
    return True


def _find_refusal(model: type[BaseModel], example: JSONObject) -> str:
    """Return why the model refuses its example; only its author's validators can know better."""
    try:
        model.model_validate_json(json.dumps(example))
    except ValidationError as error:
        return tell_problems(find_problems(error, example, model))
    except Exception as error:  # noqa: BLE001 - validators are user code, and may raise anything
        return f"{type(error).__name__}: {error}"
    return ""


def _find_entrypoints(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for spec in scan_source(path, find_files(path), find_prefix(path)):
        found.setdefault(spec.name, spec.entrypoint)
    return found


def _name_type(data_type: type | None) -> str | None:
    return data_type.__name__ if data_type is not None else None


def _name_kinds(data_type: type[DataType] | None) -> list[JSONValue]:
    """Return the names of a semantic type and of those that it refines, the nearest first."""
    if data_type is None:
        return []
    return [one.__name__ for one in data_type.__mro__ if issubclass(one, DataType)]


def _locate(action: Action, folder: Path) -> tuple[str, int]:
    """Return file and line of the definition; of the line itself, not of its decorators."""
    plain = inspect.unwrap(action)
    try:
        file = Path(inspect.getsourcefile(plain) or "")
        lines, above = inspect.findsource(plain)
    except (OSError, TypeError):  # made at run time, or its file has vanished
        return "", 0
    keyword = ("class ", "def ", "async def ")
    skipped = 0
    if lines[above].lstrip().startswith("@"):
        after = itertools.islice(lines, above, None)
        skipped = next((n for n, line in enumerate(after) if line.lstrip().startswith(keyword)), 0)
    inside = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else ""
    return inside, above + skipped + 1

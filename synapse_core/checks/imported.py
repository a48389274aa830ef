"""Looks at what importing a plugin's actions tells."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from synapse_core.checks.subject import CheckedAction, in_manifest
from synapse_core.errors import (
    ActionDefinitionError,
    ActionLoadError,
    DependencyError,
    RunTimeoutError,
)
from synapse_core.model.plugin import Diagnostic, Severity
from synapse_core.plugins.layout import MANIFEST, split_entrypoint
from synapse_core.ports import Inspector
from synapse_core.types import JSONObject, JSONValue

__all__ = ["check_imported"]

IMPORT_TIMEOUT_S = 40.0
"""Agents give a request up after 60 s."""

SLOW_IMPORT_S = 5.0
"""Every run waits for it, and so does whoever asks what the plugin offers."""


def check_imported(
    inspector: Inspector,
    folder: Path,
    actions: Sequence[CheckedAction],
    *,
    timeout_s: float = IMPORT_TIMEOUT_S,
    slow_s: float = SLOW_IMPORT_S,
) -> list[Diagnostic]:
    """Return what only an import tells.

    Args:
        inspector: Imports it in a process of its own.
        folder: The plugin's folder.
        actions: Its actions, but those that are known to be broken.
        timeout_s: Seconds after which it is given up.
        slow_s: Seconds above which it is called slow.
    """
    if not actions:
        return []
    by_module: dict[str, list[CheckedAction]] = {}
    for action in actions:
        module = split_entrypoint(action.spec.entrypoint)[0]
        by_module.setdefault(module, []).append(action)
    try:
        return list(_inspect(inspector, folder, actions, timeout_s, slow_s))
    except ActionLoadError as error:
        if len(by_module) == 1:
            return [in_manifest(actions[0], "import-crash", error.message, error.hint)]
    # Each module alone, to tell which of them ends the process.
    found: list[Diagnostic] = []
    for same in by_module.values():
        found += check_imported(inspector, folder, same, timeout_s=timeout_s, slow_s=slow_s)
    return found


def _inspect(
    inspector: Inspector,
    folder: Path,
    actions: Sequence[CheckedAction],
    timeout_s: float,
    slow_s: float,
) -> Iterator[Diagnostic]:
    started = time.monotonic()
    entrypoints = {action.spec.name: action.spec.entrypoint for action in actions}
    try:
        answer = inspector.inspect(folder, entrypoints, timeout_s=timeout_s)
    except DependencyError as error:
        yield _lacks(actions[0], error)
        return
    except RunTimeoutError as error:
        yield in_manifest(actions[0], "import-timeout", error.message, error.hint)
        return
    installing_s = answer.get("installing_s")
    took_s = time.monotonic() - started
    if isinstance(installing_s, float):
        took_s -= installing_s
    if took_s > slow_s:
        yield in_manifest(
            actions[0],
            "import-slow",
            f"Importing the plugin takes {took_s:.1f} s, and every run waits for it.",
            "Import large libraries inside the action, and move work out of the top of modules.",
            severity=Severity.WARNING,
        )
    yield from _explain_all(folder, actions, answer)


def _lacks(action: CheckedAction, error: DependencyError) -> Diagnostic:
    """Return which library cannot be had, at the line that asks for it."""
    found = in_manifest(action, "requirement-unavailable", error.message, error.hint)
    file, line = error.data.get("file"), error.data.get("line")
    if not isinstance(file, str):
        return found
    place = line if isinstance(line, int) else 0
    return replace(found, file=file, line=place, column=0, key="")


def _explain_all(
    folder: Path, actions: Sequence[CheckedAction], answer: JSONObject
) -> Iterator[Diagnostic]:
    failures, described = _mapping(answer.get("errors")), _mapping(answer.get("actions"))
    told: set[tuple[str, int, str]] = set()
    for action in actions:
        failure = failures.get(action.spec.name)
        if isinstance(failure, dict):
            finding = _explain(action, folder, failure)
            # Actions that share a module fail at the same line of it.
            is_own = finding.file != MANIFEST
            reason = (finding.file, finding.line, "" if is_own else finding.message)
            if reason not in told:
                told.add(reason)
                yield finding
        problem = _mapping(described.get(action.spec.name)).get("example_problem")
        if problem:
            yield _doubt_example(action, str(problem))


def _mapping(value: JSONValue) -> JSONObject:
    return value if isinstance(value, dict) else {}


def _doubt_example(action: CheckedAction, problem: str) -> Diagnostic:
    spec = action.spec
    found = in_manifest(
        action,
        "example-invalid",
        f"The example that callers of {spec.name!r} are shown does not work: {problem}.",
        "Give the field a default, or `examples=[…]` with a value that works.",
        severity=Severity.INFO,
    )
    return replace(found, file=spec.file, line=spec.line, column=0, key="") if spec.file else found


def _explain(action: CheckedAction, folder: Path, failure: JSONObject) -> Diagnostic:
    """Return why an action cannot be loaded, at the last line of the plugin that had a part in it.

    Args:
        action: The action.
        folder: The plugin's folder.
        failure: The fields of `RunFailure`.
    """
    hint = str(failure.get("hint") or "")
    message = str(failure["message"]).removesuffix(hint).rstrip()
    if failure.get("code") == ActionDefinitionError.code:
        code, file, line = "action-invalid", action.spec.file, action.spec.line
    else:
        code = "import-fails"
        file, line = _place(folder, failure.get("where"))
    fix = hint or "Correct that line; it is executed whenever the module is imported."
    found = in_manifest(action, code, message, fix)
    return replace(found, file=file, line=line, column=0, key="") if file else found


def _place(folder: Path, where: JSONValue) -> tuple[str, int]:
    """Return file and line of a frame, when it is one of the plugin."""
    if not isinstance(where, dict):
        return "", 0
    file = Path(str(where["file"]))
    inside = file.is_absolute() and file.is_relative_to(folder)
    return (file.relative_to(folder).as_posix(), int(str(where["line"]))) if inside else ("", 0)

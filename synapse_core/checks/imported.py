"""Looks at what importing a plugin's actions tells."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from synapse_core.checks.subject import CheckedAction, in_manifest
from synapse_core.errors import ActionDefinitionError, ActionLoadError, RunTimeoutError
from synapse_core.model.plugin import Diagnostic, Severity
from synapse_core.plugins.layout import split_entrypoint
from synapse_core.ports import Inspector
from synapse_core.types import JSONObject, JSONValue

__all__ = ["check_imported"]

IMPORT_TIMEOUT_S = 40.0
"""Agents give a request up after 60 s."""

SLOW_IMPORT_S = 5.0
"""Every run waits for it, and so does whoever asks what the plugin offers."""


def check_imported(
    inspector: Inspector, folder: Path, actions: Sequence[CheckedAction]
) -> Iterator[Diagnostic]:
    """Yield what only an import tells.

    Args:
        inspector: Imports it in a process of its own.
        folder: The plugin's folder.
        actions: Its actions, but those that are known to be broken.
    """
    if not actions:
        return
    try:
        yield from _inspect(inspector, folder, actions)
    except ActionLoadError as error:
        modules = {split_entrypoint(action.spec.entrypoint)[0] for action in actions}
        if len(modules) == 1:
            yield _crash(actions[0], error)
        else:
            yield from _find_culprits(inspector, folder, actions)


def _inspect(
    inspector: Inspector, folder: Path, actions: Sequence[CheckedAction]
) -> Iterator[Diagnostic]:
    started = time.monotonic()
    entrypoints = {action.spec.name: action.spec.entrypoint for action in actions}
    try:
        answer = inspector.inspect(folder, entrypoints, timeout_s=IMPORT_TIMEOUT_S)
    except RunTimeoutError as error:
        yield in_manifest(actions[0], "import-timeout", error.message, error.hint)
        return
    took_s = time.monotonic() - started
    if took_s > SLOW_IMPORT_S:
        yield in_manifest(
            actions[0],
            "import-slow",
            f"Importing the plugin takes {took_s:.1f} s, and every run waits for it.",
            "Import large libraries inside the action, and move work out of the top of modules.",
            severity=Severity.WARNING,
        )
    errors = answer.get("errors")
    failures = errors if isinstance(errors, dict) else {}
    told: set[tuple[str, int, str]] = set()
    for action in actions:
        failure = failures.get(action.spec.name)
        if isinstance(failure, dict):
            finding = _explain(action, folder, failure)
            # Actions of one module fail for one reason.
            reason = (finding.file, finding.line, finding.message)
            if reason not in told:
                told.add(reason)
                yield finding


def _find_culprits(
    inspector: Inspector, folder: Path, actions: Sequence[CheckedAction]
) -> Iterator[Diagnostic]:
    """Import each module alone, to tell which of them ends the process."""
    by_module: dict[str, list[CheckedAction]] = {}
    for action in actions:
        module = split_entrypoint(action.spec.entrypoint)[0]
        by_module.setdefault(module, []).append(action)
    for same in by_module.values():
        try:
            yield from _inspect(inspector, folder, same)
        except ActionLoadError as error:
            yield _crash(same[0], error)


def _crash(action: CheckedAction, error: ActionLoadError) -> Diagnostic:
    return in_manifest(action, "import-crash", error.message, error.hint)


def _explain(action: CheckedAction, folder: Path, failure: JSONObject) -> Diagnostic:
    """Return why an action cannot be loaded, at the last line of the plugin that had a part in it.

    Args:
        action: The action.
        folder: The plugin's folder.
        failure: The fields of `RunFailure`.
    """
    message, hint = str(failure["message"]), str(failure.get("hint") or "")
    if failure.get("code") == ActionDefinitionError.code:
        found = in_manifest(action, "action-invalid", message, hint or "Correct its definition.")
        place = (action.spec.file, action.spec.line)
    else:
        kind = str(failure["type"])
        found = in_manifest(
            action,
            "import-fails",
            f"Importing the action {action.spec.name!r} fails: {kind}: {message}",
            hint or "Correct the line; it is executed whenever the module is imported.",
        )
        place = _place(folder, failure.get("where"))
    file, line = place
    return replace(found, file=file, line=line, column=0, key="") if file else found


def _place(folder: Path, where: JSONValue) -> tuple[str, int]:
    """Return file and line of a frame, when it is one of the plugin."""
    if not isinstance(where, dict):
        return "", 0
    file = Path(str(where["file"]))
    inside = file.is_absolute() and file.is_relative_to(folder)
    return (file.relative_to(folder).as_posix(), int(str(where["line"]))) if inside else ("", 0)

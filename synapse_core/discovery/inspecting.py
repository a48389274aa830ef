"""Asks an inspector what an action is, once for each state of its plugin."""

import contextlib
import os
import sys
from pathlib import Path

from synapse_core.discovery.shelf import Shelf
from synapse_core.errors import ActionLoadError, RunTimeoutError
from synapse_core.model.plugin import ActionSpec, Plugin
from synapse_core.ports import Inspector
from synapse_core.types import JSONObject, JSONValue
from synapse_core.version import __version__

__all__ = ["INSPECTION_S", "Inspections"]

INSPECTION_S = 60.0
"""Importing a large framework takes seconds; what takes longer hangs."""


class Inspections:
    """What importing actions tells, kept until their plugin or its libraries change.

    Safe to use from several threads and processes.

    Args:
        cache_dir: Where to keep it.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._shelf = Shelf(cache_dir / "actions")
        self._seen: dict[Path, tuple[str, JSONObject]] = {}

    def inspect(self, plugin: Plugin, spec: ActionSpec, inspector: Inspector) -> JSONObject:
        """Return what `synapse_core.discovery.from_imports.scan` tells of an action.

        Raises:
            ActionLoadError: It cannot be imported, or is no action.
        """
        stamp = f"{plugin.stamp} {_stamp_installation()}"
        known = self._recall(plugin.path, stamp)
        found = known.get(spec.entrypoint)
        if isinstance(found, dict):
            return found
        answer = _ask(plugin, spec, inspector)
        actions, errors = answer["actions"], answer["errors"]
        if not isinstance(actions, dict) or not isinstance(errors, dict):
            raise _fail(plugin, spec, {"message": "the inspection gave no answer"})
        fresh: JSONObject = {
            str(facts["entrypoint"]): facts for facts in actions.values() if isinstance(facts, dict)
        }
        if plugin.stamp:  # errors are not kept: a library that is missing may be installed
            self._keep(plugin.path, stamp, {**known, **fresh})
        facts = actions.get(spec.name)
        if isinstance(facts, dict):
            return facts
        failure = errors.get(spec.name)
        raise _fail(plugin, spec, failure if isinstance(failure, dict) else {})

    def _recall(self, place: Path, stamp: str) -> JSONObject:
        seen = self._seen.get(place)
        if seen is not None and seen[0] == stamp:
            return seen[1]
        kept = self._shelf.read(place, stamp) or {}
        self._seen[place] = (stamp, kept)
        return kept

    def _keep(self, place: Path, stamp: str, known: JSONObject) -> None:
        self._seen[place] = (stamp, known)
        self._shelf.write(place, stamp, known)


def _ask(plugin: Plugin, spec: ActionSpec, inspector: Inspector) -> JSONObject:
    if not spec.entrypoint:
        raise ActionLoadError(
            f"config.yaml does not say where the action {spec.name!r} of {plugin.code} is, and no "
            "action in the source is called so.",
            hint=f"Add `entrypoint: module:attribute` below `actions.{spec.name}`.",
            plugin=plugin.code,
            action=spec.name,
        )
    try:
        # Only this one: another action may need a library that takes long, or hangs.
        entrypoints = {spec.name: spec.entrypoint}
        return inspector.inspect(plugin.path, entrypoints, timeout_s=INSPECTION_S)
    except RunTimeoutError as error:
        raise ActionLoadError(
            f"The action {spec.name!r} of {plugin.code} cannot be loaded: {error.message}",
            hint=error.hint,
            plugin=plugin.code,
            action=spec.name,
        ) from error


def _fail(plugin: Plugin, spec: ActionSpec, failure: JSONObject) -> ActionLoadError:
    kind, message = str(failure.get("type", "")), str(failure.get("message", "nothing is known"))
    reason = message if kind in {"", "ActionLoadError"} else f"{kind}: {message}"
    where = _say_where(failure)
    facts: dict[str, JSONValue] = {"failure": failure} if failure else {}
    return ActionLoadError(
        f"The action {spec.name!r} of {plugin.code} cannot be loaded: {reason}{where}",
        hint=str(failure.get("hint") or "Correct its module; `synapse plugin check` tells more."),
        plugin=plugin.code,
        action=spec.name,
        entrypoint=spec.entrypoint,
        **facts,
    )


def _say_where(failure: JSONObject) -> str:
    where = failure.get("where")
    if not isinstance(where, dict) or not where.get("file"):
        return ""
    return f" ({where['file']}, line {where.get('line')})"


def _stamp_installation() -> str:
    """Return what changes when libraries are installed or removed."""
    parts = [__version__, sys.version]
    for entry in sys.path:
        if entry.endswith("-packages"):  # the others hold scripts, and change all the time
            with contextlib.suppress(OSError):
                parts.append(str(os.stat(entry).st_mtime_ns))  # noqa: PTH116 called for each start
    return " ".join(parts)

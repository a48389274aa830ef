"""Keeps the environments of plugins from filling the disk."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from synapse_core.dependencies.venv import Contents, Venv
from synapse_core.dependencies.venvs import Venvs

__all__ = ["UNUSED_AFTER_S", "VenvState", "list_venvs", "prune_venvs"]

UNUSED_AFTER_S = 30 * 24 * 3600.0
"""What no run has used for a month is made again when one does."""

_LEFTOVER_AFTER_S = 3600.0
"""A folder without a marker that is older was left behind by an installer that was killed."""


@dataclass(frozen=True, slots=True)
class VenvState:
    """One environment as it lies on the disk.

    Attributes:
        venv: The environment.
        contents: What it holds; None when it is not whole.
        used_at: Unix time of its last use, or of the last change when it is not whole.
        is_held: Whether a process lives in it.
    """

    venv: Venv
    contents: Contents | None
    used_at: float
    is_held: bool


def list_venvs(venvs: Venvs) -> list[VenvState]:
    """Return what is there, the last used one first."""
    return sorted(_look(venvs), key=lambda state: state.used_at, reverse=True)


def prune_venvs(
    venvs: Venvs, *, unused_for_s: float = UNUSED_AFTER_S, dry_run: bool = False
) -> list[VenvState]:
    """Remove what nobody has used for so long and no process lives in; return it.

    Args:
        venvs: Where they lie.
        unused_for_s: Seconds since the last use.
        dry_run: Only tell what would be removed.

    Raises:
        StorageError: One cannot be removed.
    """
    now = time.time()
    removed: list[VenvState] = []
    for state in list_venvs(venvs):
        limit_s = unused_for_s if state.contents is not None else _LEFTOVER_AFTER_S
        if state.is_held or now - state.used_at < limit_s:
            continue
        if not dry_run:
            with state.venv.building(wait=lambda: False) as is_ours:
                if not is_ours:
                    continue  # somebody makes it anew at this moment
                state.venv.discard()
                state.venv.log.unlink(missing_ok=True)
        removed.append(state)
    return removed


def _look(venvs: Venvs) -> Iterator[VenvState]:
    for venv in venvs.all():
        contents = venv.contents()
        place = venv.marker if contents is not None else venv.folder
        with contextlib.suppress(FileNotFoundError):  # somebody has just removed it
            yield VenvState(venv, contents, place.stat().st_mtime, venv.is_held())

"""Finds out whether a plugin needs an environment of its own, and which; cheap when asked again."""

from pathlib import Path

from synapse_core.dependencies.venv import Venv
from synapse_core.dependencies.venvs import Venvs

__all__ = ["find_needed"]


def find_needed(venvs: Venvs, plugin: Path) -> Venv | None:
    """Return the environment the plugin needs; None when Synapse's own Python has all it asks for.

    Costs some `stat` calls when nothing has changed since it was last asked.

    Raises:
        DependencyError: What the plugin asks for cannot be understood, or cannot be had at all.
        StorageError: The answer cannot be kept.
    """
    key = venvs.recall(plugin)
    if key is None:
        key = _work_out(venvs, plugin)
    return venvs.venv(key) if key else None


def _work_out(venvs: Venvs, plugin: Path) -> str:
    # Not imported on the way to a run whose plugin has not changed.
    from synapse_core.dependencies.base import site_folders  # noqa: PLC0415 - slow to import
    from synapse_core.dependencies.recipe import make_recipe  # noqa: PLC0415 - slow to import
    from synapse_core.dependencies.wanted import read_wanted  # noqa: PLC0415 - slow to import

    wanted = read_wanted(plugin)
    recipe = make_recipe(wanted)
    key = recipe.key if recipe is not None else ""
    venvs.remember(plugin, key, [*wanted.looked_at, *site_folders()])
    return key

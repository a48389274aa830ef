"""Tells which libraries a plugin asks for, and which are installed."""

import importlib.machinery
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from synapse_core.actions.distributions import name_distribution
from synapse_core.dependencies.requirement_files import normalise_name, read_requirement_files
from synapse_core.model.plugin import Diagnostic

__all__ = ["Requirements", "find_installed", "load_requirements"]


@dataclass(frozen=True, slots=True)
class Requirements:
    """The libraries that a plugin asks for.

    Attributes:
        names: Their names, normalised.
        optional: Names of those that belong to an extra; they are not installed for a run.
        file: Where the next one is to be added.
    """

    names: frozenset[str]
    optional: frozenset[str]
    file: str

    def has(self, package: str) -> bool:
        """Whether the import package is asked for, if only by an extra."""
        return _is_among(package, self.names | self.optional)

    def installs(self, package: str) -> bool:
        """Whether the import package is there whenever the plugin runs."""
        return _is_among(package, self.names)


def _is_among(package: str, names: frozenset[str]) -> bool:
    wanted = {normalise_name(package), normalise_name(name_distribution(package))}
    # Variants of one library: opencv-python-headless, tensorflow-cpu, google-cloud-storage.
    return any(
        name in wanted or any(name.startswith(f"{one}-") for one in wanted) for name in names
    )


def find_installed(package: str, folder: Path) -> bool:
    """Whether a worker could import the package from elsewhere than the plugin's folder."""
    if package in sys.builtin_module_names or package in sys.stdlib_module_names:
        return True
    here = {"", os.getcwd(), str(folder), str(folder.parent)}  # noqa: PTH109 as sys.path says it
    path = [entry for entry in sys.path if entry not in here]
    spec = importlib.machinery.PathFinder.find_spec(package, path)
    if spec is None:
        spec = _ask_other_finders(package)
    if spec is None:
        return False
    origins = [spec.origin or "", *(spec.submodule_search_locations or ())]
    # A folder of this name anywhere on the path is a namespace package, but nothing installed.
    return spec.origin is not None and not any(
        Path(origin).is_relative_to(folder) for origin in origins if origin
    )


def load_requirements(folder: Path) -> tuple[Requirements, list[Diagnostic]]:
    """Return what the plugin's files ask for, and what is wrong with them."""
    files = read_requirement_files(folder)
    names = {entry.name for entry in files.entries if not entry.is_optional}
    optional = {entry.name for entry in files.entries if entry.is_optional}
    names |= {
        normalise_name(wheel.name.partition("-")[0]) for wheel in (folder / "wheels").glob("*.whl")
    }
    has_text = (folder / "requirements.txt").exists() or not (folder / "pyproject.toml").exists()
    target = "requirements.txt" if has_text else "the dependencies of pyproject.toml"
    return Requirements(frozenset(names), frozenset(optional), target), files.problems


def _ask_other_finders(package: str) -> importlib.machinery.ModuleSpec | None:
    """Ask those that serve editable installs; the usual ones were asked with a path of ours."""
    usual = {"PathFinder", "BuiltinImporter", "FrozenImporter"}
    for finder in sys.meta_path:
        name = getattr(finder, "__name__", type(finder).__name__)
        find_spec = getattr(finder, "find_spec", None)
        if name not in usual and find_spec is not None:
            spec = find_spec(package, None)
            if isinstance(spec, importlib.machinery.ModuleSpec):
                return spec
    return None

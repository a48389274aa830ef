"""Chooses the interpreter for a plugin: Synapse's own, or one that has the plugin's libraries."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.config.settings import load_settings
from synapse_core.dependencies.need import find_needed
from synapse_core.dependencies.variables import installer_variables
from synapse_core.dependencies.venv import Venv
from synapse_core.dependencies.venvs import Venvs
from synapse_core.executors.zygote_door import ZygoteDoor
from synapse_core.worker.environment import allowed_environment

__all__ = ["Placement", "Placements"]

_FOR_DOORS = ("XDG_RUNTIME_DIR", "RAY_AUTH_TOKEN")
"""Variables that tell where a zygote listens, and what opens a cluster that is named by address."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a plugin is executed.

    Attributes:
        door: Leads to the zygote.
        environ: Variables of the worker.
        installer: Variables for the installer when libraries are missing; None when all are there.
        venv: The environment the zygote lives in; None for Synapse's own interpreter.
    """

    door: ZygoteDoor
    environ: dict[str, str]
    installer: dict[str, str] | None = None
    venv: Venv | None = None


class Placements:
    """Finds the placement of any plugin, and keeps the doors.

    Args:
        home: Where the environments lie.
        environ: Variables of the calling process; workers get the allow-listed ones.
        variables: Further variables that every worker gets.
    """

    def __init__(
        self, home: Home, environ: Mapping[str, str], variables: Mapping[str, str]
    ) -> None:
        self._home = home
        self._environ = environ
        self._worker_environ = {**allowed_environment(environ), **variables}
        self._venvs = Venvs(home.cache_dir)
        self._base = ZygoteDoor(environ)
        self._doors: dict[tuple[str, int], ZygoteDoor] = {}

    def for_pipeline(self) -> Placement:
        """Return where a pipeline is conducted.

        It executes no plugin itself, so it may see what placing its nodes needs: where zygotes
        listen, what an installer is configured with, and the tokens of clusters.
        """
        needed = installer_variables(self._environ)
        clusters = load_settings(self._home.config_file).clusters.values()
        tokens = [name for one in clusters for name in one.token_variables]
        names = (*_FOR_DOORS, *tokens)
        needed |= {name: self._environ[name] for name in names if name in self._environ}
        return Placement(self._base, {**needed, **self._worker_environ})

    def find(self, plugin: Path) -> Placement:
        """Return where the plugin is executed.

        Raises:
            DependencyError: What the plugin asks for cannot be understood, or cannot be had at all.
            StorageError: The cache cannot be written.
        """
        venv = find_needed(self._venvs, plugin)
        if venv is None:
            return Placement(self._base, self._worker_environ)
        contents = venv.use()
        if contents is None:
            # Made by a worker: this call answers at once, also when it takes minutes.
            variables = installer_variables(self._environ)
            return Placement(self._base, self._worker_environ, installer=variables)
        edition = (venv.key, contents.stamp)
        door = self._doors.setdefault(edition, ZygoteDoor(self._environ, venv))
        return Placement(door, venv.enter(self._worker_environ), venv=venv)

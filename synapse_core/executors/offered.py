"""The executors a run may name, made when they are named."""

from collections.abc import Iterator, Mapping

from synapse_core.config.environments import ClusterEntry
from synapse_core.config.home import Home
from synapse_core.config.settings import load_settings
from synapse_core.executors.process import ProcessExecutor
from synapse_core.executors.ray.cluster.extra import is_installed
from synapse_core.ports import Executor

__all__ = ["OfferedExecutors"]

_LOCAL = "local"
"""What people call the executor of this machine; its runs are kept under its own name."""


class OfferedExecutors(Mapping[str, Executor]):
    """Executors by name: those of this machine, and those on Ray clusters.

    Iterating gives the names that can be used as things stand; a name that needs something that is
    not installed is still found, and says so when it is used.

    Args:
        home: Where the runs lie.
        environ: Variables of the calling process.
        process: The executor of this machine.
    """

    def __init__(self, home: Home, environ: Mapping[str, str], process: ProcessExecutor) -> None:
        self._home = home
        self._environ = environ
        self._made: dict[str, Executor] = {process.name: process, _LOCAL: process}

    def __getitem__(self, name: str) -> Executor:
        if name not in self._made:
            # A run on this machine needs nothing of it.
            from synapse_core.executors.ray.choosing import find_executor  # noqa: PLC0415 (see above)

            found = find_executor(name, self._home, self._environ, self._clusters())
            if found is None:
                raise KeyError(name)
            self._made[name] = found
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        yield _LOCAL
        if is_installed():
            yield from ("actor", "job")
        yield from self._clusters()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _clusters(self) -> Mapping[str, ClusterEntry]:
        return load_settings(self._home.config_file).clusters

"""The wired dependencies of one installation: what every operation stands on."""

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from synapse_core.config.environments import Environment
from synapse_core.config.home import Home
from synapse_core.discovery.catalog import Catalog
from synapse_core.errors import InvalidInputError, nearest
from synapse_core.executors.offered import OfferedExecutors
from synapse_core.executors.process import ProcessExecutor
from synapse_core.ports import Executor, Inspector, JournalReader, RunService, RunStore
from synapse_core.runs.reading import Journals
from synapse_core.runs.store.opening import open_run_store

__all__ = ["Workspace", "open_workspace"]


@dataclass(frozen=True, slots=True)
class Workspace:
    """What the operations work with.

    Attributes:
        home: Where Synapse keeps things.
        roots: Folders in which plugins are looked for, and outside which none is touched.
        runs: The run store.
        journals: Reader of the runs' journals.
        catalog: Finds plugins below the roots.
        executors: Where runs can be placed, by name.
        inspector: Imports plugins in processes of their own.
        service: The service that has the runs; None when this machine has them itself.
        may_start: Whether looking at a run starts its worker if that was lost on the way there.
    """

    home: Home
    roots: tuple[Path, ...]
    runs: RunStore
    journals: JournalReader
    catalog: Catalog
    executors: Mapping[str, Executor]
    inspector: Inspector
    service: RunService | None = None
    may_start: bool = True

    def executor(self, name: str) -> Executor:
        """Return the executor called `name`.

        Raises:
            InvalidInputError: There is none; the hint lists those there are.
        """
        try:
            return self.executors[name]
        except KeyError:
            known = ", ".join(sorted(self.executors))
            raise InvalidInputError(
                f"No executor is called {name!r}.",
                hint=f"{nearest(name, self.executors)} Known: {known}.".strip(),
                executor=name,
            ) from None


@contextmanager
def open_workspace(
    home: Path | None = None,
    roots: Sequence[Path] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    environment: Environment | None = None,
    may_start: bool = True,
) -> Generator[Workspace]:
    """Wire a workspace and close it at the end; runs that were placed go on.

    Args:
        home: Folder to keep things in; None for `SYNAPSE_HOME`, else `~/.synapse`.
        roots: Folders in which to look for plugins; None for the current folder and those
            registered in the configuration.
        environ: Environment to read and to hand on to workers; None for the process's own.
        environment: When it names a service, the runs are those of the service, and start there.
        may_start: Whether looking at a run starts its worker if that was lost on the way there.

    Raises:
        ConfigError: The configuration cannot be used.
        StorageError: The home cannot be made or opened.
    """
    variables = os.environ if environ is None else environ
    place = Home(home.absolute()) if home is not None else Home.locate(variables)
    place.ensure()
    folders = tuple(root.resolve() for root in (roots if roots is not None else (Path.cwd(),)))
    process = ProcessExecutor(place, variables)
    local = OfferedExecutors(place, variables, process)
    with closing(process), _open_runs(place, environment, variables) as (runs, journals, service):
        yield Workspace(
            home=place,
            roots=folders,
            runs=runs,
            journals=journals,
            catalog=Catalog(folders, place.cache_dir),
            executors=local if service is None else {},
            inspector=process,
            service=service,
            may_start=may_start,
        )


@contextmanager
def _open_runs(
    home: Home, environment: Environment | None, environ: Mapping[str, str]
) -> Generator[tuple[RunStore, JournalReader, RunService | None]]:
    if environment is None or environment.service_url is None:
        with closing(open_run_store(home)) as store:
            yield store, Journals(home), None
        return
    # Few have a service, and what speaks HTTP takes longer to import than all the rest.
    from synapse_core.clients.sync_session import Session  # noqa: PLC0415 - see above
    from synapse_core.runs.http import (  # noqa: PLC0415 - see above
        HttpJournals,
        HttpRunStore,
        RemoteRuns,
    )

    token = environment.find_token(environ)
    with Session(environment.service_url, token) as session:
        yield HttpRunStore(session), HttpJournals(session), RemoteRuns(session)

"""Has a service show the pipeline runs that are started here."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress

from synapse_core.clients.call import Call
from synapse_core.clients.sync_session import Session
from synapse_core.config.environments import check_service_url
from synapse_core.config.home import Home
from synapse_core.config.service_token import find_service_token
from synapse_core.errors import (
    RunNotFoundError,
    StorageError,
    SynapseError,
    UnauthorizedError,
)
from synapse_core.model.run import Run
from synapse_core.pipelines.mirror import image_of
from synapse_core.pipelines.mirror_process import Showcase, keep_showing, show_at
from synapse_core.runs.http import HttpRunStore

__all__ = ["Showing"]

_MAY_ONLY_READ = "read"


class Showing:
    """A service that shows runs of this home.

    Args:
        home: Where the runs lie.
        url: Address of the service.
        token: Secret of scope `run`; None for the variable, or what the home has.

    Raises:
        ConfigError: The URL is none.
    """

    def __init__(self, home: Home, url: str, token: str | None) -> None:
        self._home = home
        found = token if token is not None else find_service_token(home, os.environ)
        self._showcase = Showcase(check_service_url(url), found)

    @contextmanager
    def of(self, run: Run) -> Generator[None]:
        """Have a run shown that the block starts.

        A service of this very home has the run already.

        Args:
            run: The run, as it is started.

        Raises:
            StorageError: The folder of the run cannot be written; nothing was started.
            StoreUnavailableError: The service cannot be reached; nothing was started.
            UnauthorizedError: The token does not let us tell it of runs; nothing was started.
        """
        with Session(self._showcase.url, self._showcase.token or None) as session:
            _knock(session)
            self._note(run.id)
            try:
                yield
            except BaseException:
                show_at(self._home, run.id, None)
                raise
            if _has(session, run):
                show_at(self._home, run.id, None)
            else:
                keep_showing(self._home, run.id)

    def _note(self, run_id: str) -> None:
        try:
            show_at(self._home, run_id, self._showcase)
        except OSError as error:
            raise StorageError(
                f"Cannot write to the folder of {run_id}: {error.strerror}.",
                hint="Free disk space or check the permissions.",
            ) from error


def _knock(session: Session) -> None:
    scope = session.call(Call(method="GET", path="/api/v1/version")).get("scope")
    if scope == _MAY_ONLY_READ:
        raise UnauthorizedError(
            f"{session.url} takes no runs from a token of scope {scope}.",
            hint="Ask whoever runs the service for a token of scope run.",
        )


def _has(session: Session, run: Run) -> bool:
    """Tell whether the service has a run by itself; else it is told that there is one."""
    store = HttpRunStore(session)
    try:
        store.get(run.id)
    except RunNotFoundError:
        with suppress(SynapseError):  # it has begun here: the mirror tries again, or says why not
            store.create(image_of(run))
        return False
    except SynapseError:  # the same
        return False
    return True

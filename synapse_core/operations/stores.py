"""Choose where a home keeps its runs."""

from collections.abc import Mapping
from contextlib import closing

from synapse_core.config.home import Home
from synapse_core.config.store_place import STORE_VARIABLE, record_store, recorded_store
from synapse_core.errors import ConfigError, ConflictError, StoreUnavailableError
from synapse_core.model.run import RunFilter
from synapse_core.runs.store.opening import open_run_store
from synapse_core.runs.store.postgres import PostgresRunStore
from synapse_core.runs.store.postgres_url import check_url, is_postgres_url, show_url

__all__ = ["OWN_FILE", "choose_store", "where_runs_are"]

OWN_FILE = "sqlite"
"""The word for the file in the home."""


def choose_store(home: Home, given: str | None, environ: Mapping[str, str]) -> None:
    """Have every process that opens the home keep its runs there from now on.

    Runs are not taken along: those in the earlier store are there again when it is chosen again.

    Args:
        home: The home.
        given: `postgresql://…`, or `sqlite` for a file in the home; None for what
            `SYNAPSE_STORE` says, or else for no change.
        environ: Variables of this process.

    Raises:
        ConfigError: It is no address of a store.
        ConflictError: Runs of the present store have not ended; nothing was changed.
        MissingExtraError: What speaks with PostgreSQL is not installed.
        StoreUnavailableError: It cannot be used; nothing was changed.
    """
    wanted = given if given is not None else environ.get(STORE_VARIABLE)
    if not wanted:
        return
    url = _url_of(wanted)
    if url is not None:
        with closing(PostgresRunStore(url)) as store:
            store.list(RunFilter(), limit=1)
    if url != recorded_store(home):
        _check_idle(home)
        record_store(home, url)


def where_runs_are(home: Home) -> str:
    """Return where the home keeps its runs, without a secret."""
    url = recorded_store(home)
    return str(home.database) if url is None else show_url(url)


def _url_of(wanted: str) -> str | None:
    if wanted == OWN_FILE:
        return None
    if not is_postgres_url(wanted):
        # What was written may be an address with a password in another form: it is not repeated.
        raise ConfigError(
            "The store that is asked for is none that there is.",
            hint=f"Write `{OWN_FILE}`, or postgresql://USER:PASSWORD@HOST:5432/DATABASE.",
        )
    return check_url(wanted)


def _check_idle(home: Home) -> None:
    """Make sure that no run would lose its store."""
    if recorded_store(home) is None and not home.database.exists():
        return
    try:
        with closing(open_run_store(home)) as present:
            active = present.active()
    except StoreUnavailableError:
        return  # one that is gone is a reason to choose another
    if active:
        raise ConflictError(
            f"{len(active)} runs have not ended in the store that the home has now.",
            hint=f"Wait for them, or cancel them: synapse run cancel {active[0].id}",
            run_id=active[0].id,
        )

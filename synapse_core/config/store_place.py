"""Where a home keeps its runs, when not in a file of its own."""

from synapse_core.config.atomic import write_atomically
from synapse_core.config.home import Home
from synapse_core.config.secret_file import read_secret
from synapse_core.errors import StorageError

__all__ = ["STORE_VARIABLE", "record_store", "recorded_store"]

STORE_VARIABLE = "SYNAPSE_STORE"


def recorded_store(home: Home) -> str | None:
    """Return the address of the database that the home names; None for its own file.

    Raises:
        StorageError: The home cannot be read.
    """
    if not home.store_file.exists():
        return None
    return read_secret(home.store_file) or None


def record_store(home: Home, url: str | None) -> None:
    """Have every process that opens the home keep its runs there from now on.

    Runs that are kept elsewhere stay there; their journals and files stay in the home.

    Args:
        home: The home.
        url: Address of a database, which may hold a password; None for the home's own file.

    Raises:
        StorageError: The home cannot be written.
    """
    if url is not None:
        home.ensure()
        write_atomically(home.store_file, f"{url}\n".encode(), mode=0o600)
        return
    try:
        home.store_file.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"Cannot remove {home.store_file}: {error.strerror}.",
            hint="Check the permissions of its folder.",
            path=str(home.store_file),
        ) from error

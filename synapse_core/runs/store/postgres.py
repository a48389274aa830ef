"""The run store of a team: a PostgreSQL database."""

import time
from collections.abc import Callable
from importlib.util import find_spec

from synapse_core.errors import MissingExtraError, StoreUnavailableError
from synapse_core.model.run import Run, RunStatus
from synapse_core.runs.store.sql import SqlRunStore

__all__ = ["PostgresRunStore"]

ANSWER_TIMEOUT_S = 10.0
"""No statement takes longer; a server that was stopped never answers, and leases run out."""


class PostgresRunStore(SqlRunStore):
    """Implements `RunStore` on a PostgreSQL database that any number of machines share.

    What was committed is as durable as the server makes it. Nothing is connected to before it is
    used. After a fork, each process has connections of its own.

    Args:
        url: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, with options of libpq as its query.
        answer_timeout_s: Seconds after which a server that does not answer is taken for dead.
        clock: Tells the Unix time.

    Raises:
        ConfigError: It is no such address.
        MissingExtraError: What speaks with PostgreSQL is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if find_spec("psycopg") is None:
            raise MissingExtraError(
                "A run store in PostgreSQL needs the extra `postgres`, which is not installed.",
                hint="Install it: pip install 'synapse-mcp[postgres]'",
                extra="postgres",
            )
        # Few have a database server, and what speaks with it takes 100 ms to import.
        from synapse_core.runs.store.postgres_connections import (  # noqa: PLC0415 - see above
            PostgresConnections,
        )

        super().__init__(PostgresConnections(url, answer_timeout_s=answer_timeout_s), clock)

    def claim(self, run_id: str, *, owner: str, lease_s: float) -> Run | None:
        """Move a pending run to running; None for every caller but one."""
        try:
            return super().claim(run_id, owner=owner, lease_s=lease_s)
        except StoreUnavailableError:
            # The connection may have broken behind the commit, and a run that nobody knows to own
            # would stand still.
            run = self.get(run_id)
            if run.status is not RunStatus.RUNNING or run.owner != owner:
                raise
            return run

"""The tables of the run store in any database, and how older ones are brought up to date."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synapse_core.errors import StoreUnavailableError

__all__ = ["Words", "add_parent", "advance", "create_tables"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a database calls the types of columns.

    Attributes:
        counting: A primary key that counts up by itself.
        key: A primary key that is given.
        text: Text that is compared by its characters alone.
        time: A number with 53 bits.
        flag: Yes or no.
    """

    counting: str
    key: str
    text: str
    time: str
    flag: str


def create_tables(words: Words) -> tuple[str, ...]:
    """Return the statements that make the tables as they were first.

    `number` is the order of creation within one instant. `spec`, `failure`, `summary` and what is
    in `payloads` is JSON; `spec` holds all else that never changes. Payloads stand apart, so that
    neither a list nor a heartbeat reads or rewrites what has no bound.
    """
    return (
        f"""
        CREATE TABLE runs (
            number              {words.counting},
            id                  {words.text} NOT NULL UNIQUE,
            plugin              {words.text} NOT NULL,
            action              {words.text} NOT NULL,
            status              {words.text} NOT NULL,
            attempt             INTEGER NOT NULL,
            owner               {words.text},
            lease_expires_at    {words.time},
            cancel_requested_at {words.time},
            cancel_force        {words.flag} NOT NULL,
            created_at          {words.time} NOT NULL,
            started_at          {words.time},
            finished_at         {words.time},
            idempotency_key     {words.text} UNIQUE,
            spec                TEXT NOT NULL,
            failure             TEXT,
            summary             TEXT
        )
        """,
        f"""
        CREATE TABLE payloads (
            number {words.key},
            params TEXT NOT NULL,
            env    TEXT NOT NULL,
            result TEXT
        )
        """,
    )


def add_parent(words: Words) -> str:
    """Return the statement after which nodes of pipelines are runs, too."""
    return f"ALTER TABLE runs ADD COLUMN parent_id {words.text}"


def advance(
    version: int,
    migrations: Sequence[Sequence[str]],
    execute: Callable[[str], object],
    *,
    elsewhere: str,
) -> None:
    """Bring tables of this version up to date; must be called within a transaction.

    Args:
        version: What they are; 0 for no tables yet.
        migrations: What leads from each version to the next.
        execute: Executes a statement.
        elsewhere: How another place is chosen for the store, for the hint.

    Raises:
        StoreUnavailableError: A later version of Synapse made them.
    """
    known = len(migrations)
    if version > known:
        raise StoreUnavailableError(
            f"The run store has schema {version}; this version of Synapse knows {known} at most.",
            hint=f"A newer Synapse made it: upgrade this one, or {elsewhere}.",
            schema=version,
        )
    for statements in migrations[version:]:
        for statement in statements:
            execute(statement)

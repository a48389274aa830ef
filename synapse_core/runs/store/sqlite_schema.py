"""The tables of the SQLite run store, and how an older file is brought up to date."""

import sqlite3

from synapse_core.errors import StoreUnavailableError
from synapse_core.runs.store.tables import Words, add_parent, advance, create_tables

__all__ = ["SCHEMA_VERSION", "is_current", "migrate"]

_APPLICATION_ID = 0x53594E52
"""Marks the file as ours for `file` and for us: "SYNR"."""

_WORDS = Words(
    counting="INTEGER PRIMARY KEY",
    key="INTEGER PRIMARY KEY",
    text="TEXT",
    time="REAL",
    flag="INTEGER",
)

_LISTS = {
    "status": "",
    "plugin": "plugin, ",
    "action": "action, ",
    "plugin_action": "plugin, action, ",
}

_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        *create_tables(_WORDS),
        # A list is merged from one list per status, so that every filter finds its own order here.
        "CREATE INDEX runs_by_status ON runs (status, created_at)",
        "CREATE INDEX runs_by_plugin ON runs (status, plugin, created_at)",
        "CREATE INDEX runs_by_action ON runs (status, action, created_at)",
        "CREATE INDEX runs_by_plugin_action ON runs (status, plugin, action, created_at)",
        f"PRAGMA application_id = {_APPLICATION_ID}",
    ),
    # Nodes of pipelines are runs too, many for each of those that people list.
    (
        add_parent(_WORDS),
        *(f"DROP INDEX runs_by_{name}" for name in _LISTS),
        *(
            f"CREATE INDEX runs_by_{name} ON runs (status, parent_id, {columns}created_at)"
            for name, columns in _LISTS.items()
        ),
    ),
)
"""What leads from each version of the schema to the next. Never change one: append."""

SCHEMA_VERSION = len(_MIGRATIONS)


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether the file has the tables of this version."""
    return _version(connection) == SCHEMA_VERSION


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date, all of the way or not at all.

    Must be called within a transaction that keeps other writers out.

    Raises:
        StoreUnavailableError: The file was made by a later version, or by another program.
    """
    version = _version(connection)
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
        raise StoreUnavailableError(
            "The file is the database of another program, not a run store.",
            hint="Move it away, or point SYNAPSE_HOME to another folder.",
        )
    advance(version, _MIGRATIONS, connection.execute, elsewhere="point SYNAPSE_HOME elsewhere")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])

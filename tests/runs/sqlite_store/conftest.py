"""Stores on a file of their own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.runs.store.sqlite import SqliteRunStore
from tests.runs.sqlite_store.looking import OpenStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def open_store(path: Path) -> Iterator[OpenStore]:
    """Open stores that do not wait long, and close them at the end."""
    with contextlib.ExitStack() as opened:

        def open_(at: Path = path, busy_timeout_s: float = 0.1) -> SqliteRunStore:
            store = SqliteRunStore(at, busy_timeout_s=busy_timeout_s)
            opened.callback(store.close)
            return store

        yield open_

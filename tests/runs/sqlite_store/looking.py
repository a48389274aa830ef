"""Ways to look at a store from outside: past it, and from other processes."""

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from textwrap import dedent

from synapse_core.runs.store.sqlite import SqliteRunStore

OpenStore = Callable[..., SqliteRunStore]

HEAD = """\
import os, sys
from pathlib import Path
from synapse_core.runs.store.sqlite import SqliteRunStore
from synapse_core.testing.contracts.runs import MINE, SUCCESS, a_run, start
store = SqliteRunStore(Path(sys.argv[1]))
"""


@contextlib.contextmanager
def raw(path: Path) -> Generator[sqlite3.Connection]:
    """Look into the file past the store."""
    with contextlib.closing(
        sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    ) as connection:
        yield connection


def python(code: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run code that finds its words in `sys.argv`, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", HEAD + dedent(code), *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )

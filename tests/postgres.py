"""A PostgreSQL server for the length of the tests, in a temporary folder and as another user."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import pytest

__all__ = ["PASSWORD", "PostgresServer", "connect", "postgres_server", "postgres_url"]

PASSWORD = "p@ss/w:rd"
_INSTALLED = Path("/usr/lib/postgresql")
_USERS = ("postgres", "nobody")
_START_S = 30
_schemas = count(1)


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Return a connection of our own to what a store has written."""
    return psycopg.connect(url, autocommit=True)


class PostgresServer:
    """A server that can be stopped, killed, and started again."""

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self._programs = programs
        self._folder = folder
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

    @property
    def url(self) -> str:
        return (
            f"postgresql://synapse:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/postgres"
            "?sslmode=disable"
        )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def make(self) -> None:
        """Make the files of the server."""
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        if self._user is not None:
            for path in (self._folder, secret):
                shutil.chown(path, self._user)
        words = ["-U", "synapse", "-A", "scram-sha-256", "--pwfile", str(secret)]
        subprocess.run(
            [
                self._programs / "initdb",
                "-D",
                self._data,
                *words,
                "-E",
                "UTF8",
                "--no-locale",
                "-N",
            ],
            user=self._user,
            cwd=self._folder,
            env={"PATH": os.defpath},
            check=True,
            capture_output=True,
        )

    def start(self) -> None:
        """Start it and wait until it lets clients in."""
        options = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "60"}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._programs / "postgres", "-D", self._data, "-h", "127.0.0.1"),
                    *("-p", str(self.port), "-k", self._folder, *words),
                ],
                user=self._user,
                cwd=self._folder,
                env={"PATH": os.defpath},
                stdout=log,
                stderr=log,
            )
        self._await_clients()

    def stop(self, *, kill: bool = False) -> None:
        """End it; clients are thrown out, or left in the dark when it is killed."""
        if self._process is not None:
            children = psutil.Process(self._process.pid).children()
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGINT)
            self._process.wait(_START_S)
            # Those of one that was killed hold its shared memory, and the next would not start.
            psutil.wait_procs(children, _START_S)
            self._process = None

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _await_clients(self) -> None:
        ready = [self._programs / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        for _ in range(_START_S * 100):
            if subprocess.run([*ready, "-t", "1"], check=False).returncode == 0:
                return
            assert self._process is not None
            if self._process.poll() is not None:
                break
        raise RuntimeError((self._folder / "log").read_text())


def _find_programs() -> Path | None:
    found = sorted(_INSTALLED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _find_user() -> str | None:
    """Return as whom it can run: it refuses to do so as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _USERS if name in known)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Return a server that runs."""
    programs = _find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server here: scripts/install-postgres installs one")
    with tempfile.TemporaryDirectory(prefix="synapse-pg-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(programs, Path(folder), _find_user())
        server.make()
        server.start()
        yield server
        server.stop()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """Return the address of an empty schema."""
    schema = f"test_{os.getpid()}_{next(_schemas)}"
    with connect(postgres_server.url) as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    return f"{postgres_server.url}&options=-csearch_path%3D{schema}"

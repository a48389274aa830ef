"""Reaches the warm zygote of this user and interpreter, and starts one when none is there."""

import contextlib
import fcntl
import json
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from synapse_core.dependencies.venv import Venv
from synapse_core.errors import WorkerLostError
from synapse_core.executors.runtime_folder import runtime_folder
from synapse_core.executors.source_stamp import source_stamp
from synapse_core.types import JSONObject
from synapse_core.version import __version__
from synapse_core.worker.environment import allowed_environment
from synapse_core.worker.orders import Order, receive_line, send_line

__all__ = ["ZygoteDoor"]

_STARTS = 3

_TRIES = 2
"""A zygote may be killed between the connection and the answer."""

ANSWER_TIMEOUT_S = 30.0
"""A zygote answers within milliseconds; this bounds the wait for one that is stuck."""

MAX_ANSWER_BYTES = 64 << 20

START_TIMEOUT_S = 30.0
"""A cold start takes a quarter of a second; a machine under heavy load gets its time."""


class ZygoteDoor:
    """Opens connections to the zygote that fits an interpreter and this state of the source.

    Args:
        environ: Variables of the calling process.
        venv: The environment whose interpreter it is; None for that of this process.
    """

    def __init__(self, environ: Mapping[str, str], venv: Venv | None = None) -> None:
        self._environ = environ
        self._venv = venv
        self._python = str(venv.python) if venv is not None else sys.executable
        self._known_socket: Path | None = None

    @contextlib.contextmanager
    def connect(self, *, timeout_s: float) -> Generator[socket.socket]:
        """Open a connection, after starting a zygote if nobody answers.

        Raises:
            WorkerLostError: No zygote could be started; the message has its last words.
            StorageError: The folder of the sockets belongs to somebody else.
        """
        path = self.socket_path()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            try:
                connection.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                self._start(path)
                connection.connect(str(path))
            yield connection

    def ask(self, order: Order, *, timeout_s: float) -> JSONObject:
        """Return the answer to an order that may be given twice; empty when there was none.

        Args:
            order: The order.
            timeout_s: How long to wait for the answer; twice that, when the first zygote left.

        Raises:
            WorkerLostError: No zygote could be started.
            TimeoutError: It does not answer in that time.
        """
        answer: JSONObject = {}
        for _ in range(_TRIES):
            with self.connect(timeout_s=timeout_s) as connection:
                if answer := _exchange(connection, order):
                    break
        return answer

    def start_process(self, order: Order) -> tuple[socket.socket, JSONObject]:
        """Return the connection on which a process was ordered, and the answer.

        Raises:
            WorkerLostError: There is no process.
            TimeoutError: The zygote is stuck.
        """
        for _ in range(_TRIES):
            with self.connect(timeout_s=ANSWER_TIMEOUT_S) as connection:
                if answer := _exchange(connection, order):
                    kept = connection.dup()
                    kept.settimeout(None)
                    return kept, answer
        raise WorkerLostError(
            "The worker process left twice without an answer.", hint="Run `synapse doctor`."
        )

    def socket_path(self) -> Path:
        """Return where the zygote listens; the name changes with the interpreter and the code."""
        if self._known_socket is None:
            folder = runtime_folder(self._environ)
            contents = self._venv.contents() if self._venv is not None else None
            # One that was made anew must not be served by a zygote of the former one.
            python = f"{self._python}\0{contents.stamp if contents is not None else 0}"
            key = f"{python}\0{sys.version}\0{__version__}\0{source_stamp()}"
            self._known_socket = folder / f"{sha256(key.encode()).hexdigest()[:16]}.sock"
        return self._known_socket

    def _start(self, path: Path) -> None:
        """Start a zygote, unless somebody else just did."""
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _answers(path):
                return
            exit_code, log = -1, path.with_suffix(".log")
            for _ in range(_STARTS):
                with log.open("wb") as log_file, self._hold_venv() as held:
                    exit_code = self._start_once(path, log_file, held)
                if exit_code >= 0:
                    break
                # Somebody killed it, which says nothing about the next one.
        if exit_code != 0:
            last_words = log.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
            how = f"exit status {exit_code}" if exit_code > 0 else f"killed by signal {-exit_code}"
            raise WorkerLostError(
                f"The worker process could not be started ({how}): "
                f"{last_words or 'it said nothing'}",
                hint="Run `synapse doctor`.",
                log=str(log),
            )

    def _start_once(self, path: Path, log: BinaryIO, held: Sequence[int]) -> int:
        # It returns as soon as its fork, the zygote proper, listens.
        return subprocess.run(  # noqa: S603 - our own module, our own interpreter
            [self._python, "-P", "-m", "synapse_core.worker.zygote", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=allowed_environment(self._environ),
            cwd="/",
            pass_fds=held,
            start_new_session=True,
            timeout=START_TIMEOUT_S,
            check=False,
        ).returncode

    @contextlib.contextmanager
    def _hold_venv(self) -> Generator[Sequence[int]]:
        """Yield what keeps the environment from being pruned while a zygote or its fork lives."""
        if self._venv is None:
            yield ()
            return
        with self._venv.in_use() as descriptor:
            yield (descriptor,)


def _exchange(connection: socket.socket, order: Order) -> JSONObject:
    """Return the answer; empty when the other side left without one."""
    try:
        send_line(connection, order)
        # Byte by byte would be needed if anything followed the answer; nothing does.
        line = receive_line(connection, MAX_ANSWER_BYTES)
    except (BrokenPipeError, ConnectionResetError):
        return {}
    return json.loads(line) if line else {}


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

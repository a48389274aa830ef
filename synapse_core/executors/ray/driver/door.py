"""Reaches the driver of a cluster, and starts one when none is there."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from hashlib import sha256
from json import loads
from pathlib import Path

from synapse_core.config.atomic import lock_file, write_atomically
from synapse_core.config.home import Home
from synapse_core.errors import ConflictError, WorkerLostError
from synapse_core.executors.ray.cluster.extra import require_client
from synapse_core.executors.ray.cluster.options import ClusterOptions
from synapse_core.executors.ray.cluster.orders import (
    DriverOrder,
    StatusOrder,
    StopDriverOrder,
    WakeOrder,
    order_fields,
    read_error,
)
from synapse_core.executors.ray.cluster.places import Cluster, ClusterPlace
from synapse_core.executors.ray.cluster.record import DriverRecord, read_live_record, read_record
from synapse_core.executors.ray.driver.settings import (
    SERVE_VARIABLES,
    DriverSettings,
    EngineSettings,
)
from synapse_core.executors.runtime_folder import runtime_folder
from synapse_core.model.run import WorkerId
from synapse_core.runs.processes import is_alive, wake_worker
from synapse_core.types import JSONObject
from synapse_core.worker.environment import allowed_environment
from synapse_core.worker.orders import receive_line, send_line

__all__ = ["WAKE_TIMEOUT_S", "DriverDoor"]

START_TIMEOUT_S = 60.0
"""Until a driver takes orders: a third of a second, more on a busy machine."""

UP_TIMEOUT_S = 180.0
"""Until a cluster is up: 5 to 20 s; a busy machine gets its time."""

STOP_TIMEOUT_S = 30.0
ANSWER_TIMEOUT_S = 30.0
WAKE_TIMEOUT_S = 2.0
"""A worker that is not told looks by itself after so long."""

_MAX_ANSWER_BYTES = 4 << 20
_CONNECTING_TRIES = "6"
"""A second each, where Ray takes twenty until it says that a token is refused."""

_FOUND_BY = ("RAY_ADDRESS", "RAY_TMPDIR")
"""By these Ray finds the cluster that is meant by `auto`."""

_MAX_PATH = 22
"""Ray puts sockets 71 characters below its folder, and a kernel takes no more than 103 in all."""


class DriverDoor:
    """Sends orders to the driver of one cluster.

    Args:
        home: The home whose runs it places.
        environ: Variables of the calling process.
        cluster: The cluster.
    """

    def __init__(self, home: Home, environ: Mapping[str, str], cluster: Cluster) -> None:
        self._environ = environ
        self._home = home
        self.cluster = cluster
        self.place = ClusterPlace(home, cluster.name)
        self._current = ""

    def record(self) -> DriverRecord | None:
        """Return where the driver is found; None when none is running."""
        return read_live_record(self.place.record)

    def start(self, options: ClusterOptions | None = None) -> None:
        """Start the driver if none is running; returns when it takes orders.

        One from before an upgrade of Synapse leaves first, unless something is active there.

        Args:
            options: What to choose; None for what was chosen before the upgrade, or nothing.

        Raises:
            MissingExtraError: Ray is not installed, or not what it needs for this cluster.
            WorkerLostError: It could not be started; the message has its last words.
        """
        require_client(self.cluster.address)
        self.place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with lock_file(self.place.record, timeout_s=START_TIMEOUT_S):
            record = self.record()
            if record is not None:
                if self._is_current(record) or not self._is_rid_of_it():
                    return
                options = options or record.options
            self._clear()
            self._spawn(self._settings(options or ClusterOptions()))

    def ask(self, order: DriverOrder, *, timeout_s: float = ANSWER_TIMEOUT_S) -> JSONObject:
        """Return the answer of the driver, which is started when none of this version is running.

        Raises:
            SynapseError: What the driver answers with.
            WorkerLostError: No driver answers.
        """
        for _ in range(3):  # one may be leaving just now
            record = self.record()
            if record is None or not (isinstance(order, StatusOrder) or self._is_current(record)):
                self.start()
                record = self.record()
            try:
                if record is not None and (answer := _exchange(record, order, timeout_s)):
                    if (error := read_error(answer)) is not None:
                        raise error
                    return answer
            except TimeoutError:
                break
            time.sleep(0.1)
        raise self._silent()

    def wake(self, owner: str) -> bool:
        """Make the worker of a run look at the store now, on whatever machine it is.

        Does what it can, and returns whether it could: workers look by themselves now and then.

        Args:
            owner: The worker, as the run names it.
        """
        try:
            is_here = is_alive(WorkerId.parse(owner))
        except ValueError:  # it is none of ours
            return False
        if is_here is not None:
            wake_worker(owner)
            return True
        record = self.record()
        if record is None:
            return False
        with contextlib.suppress(OSError):  # the driver has more to do, or is about to leave
            return bool(_exchange(record, WakeOrder(owner=owner), WAKE_TIMEOUT_S).get("ok"))
        return False

    def up(self) -> JSONObject:
        """Return how the cluster stands, once it is up.

        Raises:
            SynapseError: It did not come up.
        """
        return self.ask(StatusOrder(wait=True), timeout_s=UP_TIMEOUT_S)

    def stop(self, *, force: bool = False) -> bool:
        """Have the driver leave, with the cluster if it was started here; wait for that.

        Returns whether one was running.

        Raises:
            ConflictError: Runs are active, and `force` is not given.
            WorkerLostError: It does not answer, and `force` is not given.
        """
        record = self.record()
        if record is None:
            self._clear()
            return False
        try:
            answer = _exchange(record, StopDriverOrder(force=force), ANSWER_TIMEOUT_S)
        except TimeoutError:
            if not force:
                raise self._silent() from None
            answer = {}
        if (error := read_error(answer)) is not None:
            raise error
        if not _is_gone_within(record, STOP_TIMEOUT_S):
            # What Ray has started ends with its driver, however that ends.
            with contextlib.suppress(ProcessLookupError):
                os.kill(WorkerId.parse(record.worker).pid, signal.SIGKILL)
            _is_gone_within(record, STOP_TIMEOUT_S)
        self._clear(record)
        return True

    def _is_current(self, record: DriverRecord) -> bool:
        """Whether no upgrade of Synapse lies between the driver and this process."""
        if self._current != record.worker and not record.is_outdated:
            self._current = record.worker
        return self._current == record.worker

    def _is_rid_of_it(self) -> bool:
        """Have a driver of an earlier version leave; False when somebody needs it."""
        try:
            self.stop()
        except ConflictError:
            return False
        return True

    def _silent(self) -> WorkerLostError:
        return WorkerLostError(
            f"The driver of the cluster {self.cluster.name!r} does not answer.",
            hint=f"Its log: {self.place.log}. `synapse ray down --force` ends it.",
            log=str(self.place.log),
        )

    def token(self) -> str:
        """Return the token of the cluster; empty for one without."""
        if self.cluster.is_ours:
            return self.place.token.read_text(encoding="ascii").strip()
        return self.cluster.token or ""

    def _clear(self, known: DriverRecord | None = None) -> None:
        """Remove what a driver that was killed has left."""
        record = known or read_record(self.place.record)
        if record is None or record.is_alive:
            return
        if record.folder:
            shutil.rmtree(record.folder, ignore_errors=True)
        Path(record.socket).unlink(missing_ok=True)
        self.place.record.unlink(missing_ok=True)

    def _settings(self, options: ClusterOptions) -> DriverSettings:
        key = sha256(f"{self._home.root}\0{self.cluster.name}".encode()).hexdigest()[:8]
        folder = ""
        if self.cluster.is_ours:
            base = runtime_folder({}, _MAX_PATH)
            folder = str(base / f"r{key[:4]}{secrets.token_hex(2)}")
            if not self.place.token.exists():
                token = secrets.token_hex(32).encode()
                write_atomically(self.place.token, token, mode=0o600)
        return DriverSettings(
            home=str(self._home.root),
            name=self.cluster.name,
            socket=str(runtime_folder(self._environ) / f"ray-{key}.sock"),
            engine=EngineSettings(address=self.cluster.address, folder=folder, options=options),
            dashboard_url=self.cluster.dashboard_url or "",
        )

    def _spawn(self, settings: DriverSettings) -> None:
        reader, writer = os.pipe()
        with self.place.log.open("wb") as log:
            # It returns at once: its fork, the driver proper, is nobody's child.
            subprocess.run(  # noqa: S603 - our own module, our own interpreter
                [sys.executable, "-P", "-m", "synapse_core.executors.ray.driver.main", str(writer)],
                input=settings.told().encode(),
                stdout=log,
                stderr=log,
                env=self._variables(),
                cwd="/",
                pass_fds=(writer,),
                start_new_session=True,
                timeout=START_TIMEOUT_S,
                check=False,
            )
        os.close(writer)
        with open(reader, "rb") as answer:  # noqa: PTH123 - pathlib cannot open a descriptor
            is_ready = bool(answer.readline())
        if not is_ready:
            words = self.place.log.read_text(encoding="utf-8", errors="replace").strip()
            raise WorkerLostError(
                f"The driver of the cluster {self.cluster.name!r} could not be started: "
                f"{words[-1500:] or 'it said nothing'}",
                hint="Run `synapse doctor`.",
                log=str(self.place.log),
            )

    def _variables(self) -> dict[str, str]:
        """Return the variables of the driver, and so of all that Ray starts here."""
        token = self.cluster.token
        variables = {
            **allowed_environment(self._environ),
            "RAY_USAGE_STATS_ENABLED": "0",
            # It would take the folder of a `uv run` for the code of every worker.
            "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
            "RAY_AUTH_MODE": "token" if self.cluster.is_ours or token else "disabled",
        }
        if self.cluster.is_ours:
            variables["RAY_AUTH_TOKEN_PATH"] = str(self.place.token)
            variables |= SERVE_VARIABLES
        else:
            # Whoever connects has looked before whether anybody listens.
            variables["RAY_NUM_REDIS_GET_RETRIES"] = _CONNECTING_TRIES
            variables |= {"RAY_AUTH_TOKEN": token} if token else {}
        if self.cluster.address == "auto":
            names = (name for name in _FOUND_BY if name in self._environ)
            variables |= {name: self._environ[name] for name in names}
        return variables


def _exchange(record: DriverRecord, order: DriverOrder, timeout_s: float) -> JSONObject:
    """Return the answer; empty when nobody is there to give one."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(record.socket)
            send_line(connection, order_fields(order))
            line = receive_line(connection, _MAX_ANSWER_BYTES)
    except (FileNotFoundError, ConnectionRefusedError, BrokenPipeError, ConnectionResetError):
        return {}
    return loads(line) if line else {}


def _is_gone_within(record: DriverRecord, timeout_s: float) -> bool:
    until = time.monotonic() + timeout_s
    while record.is_alive and time.monotonic() < until:
        time.sleep(0.02)
    return not record.is_alive

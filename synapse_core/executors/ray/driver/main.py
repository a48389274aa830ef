"""`python -m synapse_core.executors.ray.driver.main`: holds the connection to one cluster.

One per home and cluster, started by whoever needs it first and left by itself when idle. It takes
orders over a Unix socket, so that no door ever imports Ray. A cluster that was started here lives
and dies with it. Its settings come as one line of JSON on stdin; it answers on the descriptor named
by its one argument as soon as orders can be sent.
"""

import logging
import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import ConflictError, SynapseError
from synapse_core.executors.ray.cluster.orders import (
    DriverOrder,
    LaunchManyOrder,
    LaunchOrder,
    ServeOrder,
    StatusOrder,
    StopDriverOrder,
    WakeOrder,
    parse_driver_order,
    tell_error,
)
from synapse_core.executors.ray.cluster.places import ClusterPlace
from synapse_core.executors.ray.cluster.record import DriverRecord, read_record, write_record
from synapse_core.executors.ray.driver.engine import Engine
from synapse_core.executors.ray.driver.head_watch import HeadWatch
from synapse_core.executors.ray.driver.runs import PlacedRuns
from synapse_core.executors.ray.driver.serve_control import ServeControl
from synapse_core.executors.ray.driver.settings import DriverSettings
from synapse_core.executors.ray.job.api import JobsApi
from synapse_core.executors.source_stamp import INSTALLED_AT, source_stamp
from synapse_core.model.run import RunStatus
from synapse_core.runs.processes import this_worker
from synapse_core.runs.store.opening import open_run_store
from synapse_core.types import JSONObject, JSONValue
from synapse_core.worker.orders import MAX_ORDER_BYTES, receive_line, send_line

__all__ = ["Driver", "main"]

ORDER_TIMEOUT_S = 5.0
LOOK_AROUND_S = 2.0
PASS_ON_S = 0.25
LAST_WORDS_S = 0.2

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Driver:
    """Takes orders, and sees runs to their end.

    Attributes:
        settings: What it was told.
        engine: The connection to Ray.
    """

    settings: DriverSettings
    engine: Engine
    _stop: threading.Event = field(default_factory=threading.Event)
    _up: threading.Event = field(default_factory=threading.Event)
    _fault: SynapseError | None = None
    _head: HeadWatch | None = None
    _used_at: float = field(default_factory=time.monotonic)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16))
    _record: DriverRecord = field(init=False)
    _home: Home = field(init=False)
    _runs: PlacedRuns = field(init=False)
    _place: ClusterPlace = field(init=False)
    _served: ServeControl = field(init=False)

    def __post_init__(self) -> None:
        self._home = Home(Path(self.settings.home))
        self._place = ClusterPlace(self._home, self.settings.name)
        self._runs = PlacedRuns(
            home=self._home,
            store=open_run_store(self._home),
            engine=self.engine,
            jobs=self._jobs,
            is_ours=self.settings.engine.address is None,
            lost=self._stop.set,
        )
        self._served = ServeControl(
            self._home,
            self._place.folder / f"{self.settings.name}.serve.json",
            is_ours=self.settings.engine.address is None,
        )
        self._record = DriverRecord(
            worker=str(this_worker()),
            socket=self.settings.socket,
            folder=self.settings.engine.folder,
            dashboard_url=self.settings.dashboard_url,
            started_at=time.time(),
            installed_at=str(INSTALLED_AT),
            source=source_stamp(),
            options=self.settings.engine.options,
        )

    def live(self, listener: socket.socket, ready: int) -> None:
        """Take orders until idle, told to stop, or replaced."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self._stop.set())
        write_record(self._place.record, self._record)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        os.write(ready, b"ok\n")
        os.close(ready)
        try:
            self._connect()
            # Ray's own handler would leave without clearing up.
            signal.signal(signal.SIGTERM, lambda _number, _frame: self._stop.set())
            while not self._stop.wait(LOOK_AROUND_S):
                self._look_around()
        finally:
            self._leave()

    def _connect(self) -> None:
        try:
            self.engine.start()
        except SynapseError as error:
            _log.exception("No cluster")
            self._fault = error
            self._up.set()
            self._runs.refuse(error)
            self._stop.wait(ORDER_TIMEOUT_S)  # whoever waits for the start is told first
            self._stop.set()
            return
        self.engine.watch(self._give_up)
        facts = self.engine.facts
        self._watch_head(facts["address"])
        dashboard = self.settings.dashboard_url or facts["dashboard_url"]
        self._record = replace(self._record, **{**facts, "dashboard_url": dashboard})
        write_record(self._place.record, self._record)
        self._up.set()
        self._runs.begin()
        threading.Thread(target=self._pass_on, daemon=True).start()

    def _pass_on(self) -> None:
        while not self._stop.wait(PASS_ON_S):
            self._runs.await_batch()
            if self._is_cut_off:
                continue
            try:
                self._runs.pass_on()
            except Exception:  # noqa: BLE001 - Ray raises what it likes, and the next look comes soon
                _log.exception("Could not pass on what waits")

    def _watch_head(self, found: str) -> None:
        address = self.settings.engine.address
        if address is None:
            return
        # `auto` is no address, and a client of Ray's has to do with another port than is told.
        self._head = HeadWatch(self.settings.name, address if ":" in address else found)
        self._head.start(self._give_up)

    def _give_up(self, part: str) -> None:
        """End as if killed, which ends the rest of the cluster too; every door copes with that."""
        if not self._stop.is_set():
            _log.error("%s of the cluster has ended", part)
            os.kill(os.getpid(), signal.SIGKILL)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            self._pool.submit(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(ORDER_TIMEOUT_S)
            try:
                line = receive_line(connection, MAX_ORDER_BYTES)
                order = parse_driver_order(line) if line else None
            except (OSError, ValueError):
                _log.warning("Refused an order", exc_info=True)
                return
            if order is not None:
                with suppress(OSError):  # whoever ordered has left
                    send_line(connection, self._answer_always(order))

    def _answer_always(self, order: DriverOrder) -> JSONObject:
        try:
            return self._answer(order)
        except Exception as error:  # noqa: BLE001 - Ray raises what it likes, and somebody waits
            _log.exception("Failed at an order")
            told = SynapseError(
                f"The driver of the cluster {self.settings.name!r} failed: "
                f"{type(error).__name__}: {error}",
                hint=f"Its log tells more: {self._place.log}",
            )
            return tell_error(told)

    def _answer(self, order: DriverOrder) -> JSONObject:
        try:
            match order:
                case LaunchOrder() | LaunchManyOrder():
                    self._check_cluster()
                    self._runs.launch([order] if order.op == "launch" else order.split())
                    return {"ok": True}
                case WakeOrder():
                    self._check_cluster()
                    self.engine.wake(order.owner)
                    return {"ok": True}
                case StatusOrder():
                    return self._status(wait=order.wait)
                case ServeOrder():
                    self._used_at = time.monotonic()
                    return self._obey_serve(order)
                case StopDriverOrder():
                    return self._end(force=order.force)
        except SynapseError as error:
            return tell_error(error)

    @property
    def _is_cut_off(self) -> bool:
        """Whether the head is silent, for which Ray's calls would wait."""
        return self._head is not None and self._head.is_silent

    def _check_cluster(self) -> None:
        """Go on only when the cluster is there, or may yet come up.

        Raises:
            SynapseError: What is wrong with it.
        """
        if self._fault is not None:
            raise self._fault
        if self._head is not None:
            self._head.check()

    def _jobs(self) -> JobsApi:
        token = self._place.token
        return JobsApi(
            self._record.dashboard_url,
            token.read_text(encoding="ascii").strip() if token.exists() else "",
        )

    def _status(self, *, wait: bool) -> JSONObject:
        if wait:
            self._up.wait()
        self._check_cluster()
        record: JSONObject = {
            "name": self.settings.name,
            "is_up": self._up.is_set(),
            "address": self._record.address,
            "dashboard_url": self._record.dashboard_url,
            "ray_version": self._record.ray_version,
            "active": len(self._runs),
        }
        if not self._up.is_set():
            return record
        waiting = sum(one is RunStatus.PENDING for one in self._runs.statuses().values())
        return {**record, **self.engine.status(), "waiting": waiting}

    def _obey_serve(self, order: ServeOrder) -> JSONObject:
        self._up.wait()
        self._check_cluster()
        return self._served.obey(order)

    def _end(self, *, force: bool) -> JSONObject:
        # A run that has ended in the store may have a launcher that is still on its way out.
        active = sum(not status.is_terminal for status in self._runs.statuses().values())
        if active and not force:
            raise ConflictError(
                f"{active} runs are active on the cluster.",
                hint="Wait for them, cancel them, or stop it with --force: they are lost then.",
                active=active,
            )
        served = sorted(self._served.names)
        if served and not force:
            raise ConflictError(
                f"The cluster serves {', '.join(served)}.",
                hint="Delete them with `synapse deployment delete`, or stop it with --force: "
                "`synapse deployment update` serves them again later.",
                deployments=list[JSONValue](served),
            )
        if self._is_cut_off:
            # Whoever looks around waits for Ray by now.
            threading.Timer(LAST_WORDS_S, self._give_up, ["The head"]).start()
        else:
            self._stop.set()
        return {"ok": True}

    def _look_around(self) -> None:
        """Leave when nobody needs it, or when its word in the home is gone."""
        if self._is_cut_off:
            return
        if self.settings.engine.address is None and not self.engine.has_nodes:
            _log.error("The cluster has lost its node")
            self._stop.set()
            return
        self._runs.look_after()
        is_replaced = read_record(self._place.record) != self._record
        idle_s = time.monotonic() - max(self._used_at, self._runs.used_at)
        is_used = self._runs or self._served.names
        if is_replaced or (idle_s > self.settings.engine.options.idle_s and not is_used):
            if not is_replaced and self._has_others():
                self._used_at = time.monotonic()
                return
            self._stop.set()

    def _has_others(self) -> bool:
        """Whether somebody else's jobs run on the cluster that ends with this process."""
        if not self.settings.engine.folder or not self._record.dashboard_url:
            return False
        try:
            return self._jobs().count_active() > 1  # this process is one of them
        except SynapseError:
            _log.warning("The dashboard does not answer", exc_info=True)
            return False

    def _leave(self) -> None:
        _log.info("Leaving")
        if read_record(self._place.record) == self._record:
            self._place.record.unlink(missing_ok=True)
        Path(self.settings.socket).unlink(missing_ok=True)
        self.engine.stop()


def main() -> None:
    """Take orders until it is time to leave."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = DriverSettings.parse(sys.stdin.read())
    ready = int(sys.argv[1])
    # Whoever started this waits for it to end: the driving is left to a fork.
    if os.fork() != 0:
        return
    with socket.socket(socket.AF_UNIX) as listener:
        # Whoever started this holds a lock, so nobody else binds meanwhile.
        Path(settings.socket).unlink(missing_ok=True)
        listener.bind(settings.socket)
        Path(settings.socket).chmod(0o600)
        listener.listen(256)
        try:
            Driver(settings, Engine(settings.engine, settings.home)).live(listener, ready)
        except Exception:  # noqa: BLE001 - the log is all that is left of it
            _log.exception("Cannot go on")
        finally:
            # Threads of the pool may be waiting for what will never come.
            os._exit(0)


if __name__ == "__main__":
    main()

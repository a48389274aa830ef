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
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
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
from synapse_core.executors.ray.cluster.settling import end_unplaced, settle, vouch
from synapse_core.executors.ray.driver.engine import Engine
from synapse_core.executors.ray.driver.head_watch import HeadWatch
from synapse_core.executors.ray.driver.reusing import reuse_version
from synapse_core.executors.ray.driver.serve_control import ServeControl
from synapse_core.executors.ray.driver.settings import DriverSettings
from synapse_core.executors.ray.driver.warm_pool import WarmPool
from synapse_core.executors.ray.job.api import JobsApi
from synapse_core.executors.ray.job.order import submit_job
from synapse_core.executors.ray.job.told import JobOrder
from synapse_core.model.run import RunStatus
from synapse_core.runs.processes import this_worker
from synapse_core.runs.store.opening import OpenRunStore, open_run_store
from synapse_core.types import JSONObject, JSONValue
from synapse_core.worker.orders import MAX_ORDER_BYTES, receive_line, send_line

__all__ = ["Driver", "main"]

ORDER_TIMEOUT_S = 5.0
LOOK_AROUND_S = 2.0
PASS_ON_S = 0.25
LAST_WORDS_S = 0.2
WARM_IDLE_S = 120.0
"""How long a warm process waits for the next run of its plugin."""

MAX_REPLACEMENTS = 3
"""A run whose launchers vanish more often than this takes something down with it."""

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
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: dict[str, LaunchOrder] = field(default_factory=dict[str, LaunchOrder])
    _orders: dict[str, LaunchOrder] = field(default_factory=dict[str, LaunchOrder])
    _replacements: dict[str, int] = field(default_factory=dict[str, int])
    _fault: SynapseError | None = None
    _head: HeadWatch | None = None
    _used_at: float = field(default_factory=time.monotonic)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16))
    # It waits for workers of machines that were lost, and orders are not to wait along.
    _settling: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16))
    _record: DriverRecord = field(init=False)
    _home: Home = field(init=False)
    _store: OpenRunStore = field(init=False)
    _warm: WarmPool = field(init=False)
    _place: ClusterPlace = field(init=False)
    _served: ServeControl = field(init=False)

    def __post_init__(self) -> None:
        self._home = Home(Path(self.settings.home))
        self._place = ClusterPlace(self._home, self.settings.name)
        self._store = open_run_store(self._home)
        self._warm = WarmPool(self.engine, self._store.many.statuses, self._on_end)
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
            self._refuse_waiting(error)
            self._stop.wait(ORDER_TIMEOUT_S)  # whoever waits for the start is told first
            self._stop.set()
            return
        self.engine.watch(self._give_up)
        facts = self.engine.facts
        self._watch_head(facts["address"])
        dashboard = self.settings.dashboard_url or facts["dashboard_url"]
        self._record = replace(self._record, **{**facts, "dashboard_url": dashboard})
        write_record(self._place.record, self._record)
        with self._lock:
            self._up.set()
            waiting, self._waiting = list(self._waiting.values()), {}
        for _, alike in groupby(waiting, key=lambda order: replace(order, run_id="")):
            self._place_or_fail(tuple(alike))
        threading.Thread(target=self._pass_on, daemon=True).start()

    def _pass_on(self) -> None:
        while not self._stop.wait(PASS_ON_S):
            if self._is_cut_off:
                continue
            try:
                self._warm.pass_on()
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

    def _refuse_waiting(self, error: SynapseError) -> None:
        with self._lock:
            waiting, self._waiting = list(self._waiting), {}
        for run_id in waiting:
            self._fail(run_id, error)

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
                    self._used_at = time.monotonic()
                    return self._launch([order] if order.op == "launch" else order.split())
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

    def _launch(self, orders: Sequence[LaunchOrder]) -> JSONObject:
        """Place runs that differ in their params only, if they are not on their way already."""
        self._check_cluster()
        with self._lock:
            new = {one.run_id: one for one in orders if one.run_id not in self._orders}
            self._orders |= new
            if not self._up.is_set():
                self._waiting |= new
                return {"ok": True}
        try:
            if new:
                self._put(tuple(new.values()))
        except BaseException:
            for run_id in new:
                self._orders.pop(run_id, None)
            raise
        return {"ok": True}

    def _put(self, orders: Sequence[LaunchOrder]) -> None:
        order = orders[0]
        self.engine.check(order)
        if order.tier == "job":
            self._submit_job(order)
            return
        # A warm process owns its runs in the home itself, so it has to see that.
        is_away = bool(order.service_url)
        version = None if is_away else reuse_version(Path(order.plugin_path), order.action)
        if version is not None:
            self._warm.place(orders, version)
            return
        for one in orders:
            self._warm.make_room(one)
            self.engine.place(one, self._on_end)

    def _submit_job(self, order: LaunchOrder) -> None:
        job = JobOrder(plugin_path=order.plugin_path, environ=order.environ)
        submit_job(
            self._jobs(),
            self._home,
            self._store.get(order.run_id),
            job,
            is_ours=self.settings.engine.address is None,
        )
        # From here on it needs no driver; while it runs, a cluster of ours is not idle.
        self._orders.pop(order.run_id, None)

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

    def _place_or_fail(self, orders: Sequence[LaunchOrder]) -> None:
        """Place runs whose door has left already: what keeps them from running is their outcome."""
        try:
            self._put(orders)
        except SynapseError as error:
            for order in orders:
                self._fail(order.run_id, error)

    def _fail(self, run_id: str, error: SynapseError) -> None:
        self._orders.pop(run_id, None)
        run = self._store.get(run_id)
        if run.status is RunStatus.PENDING:
            end_unplaced(self._store, self._home, run, error)

    def _on_end(self, run_ids: Sequence[str], error: SynapseError | None) -> None:
        self._pool.submit(self._settle_all, run_ids, error)

    def _settle_all(self, run_ids: Sequence[str], error: SynapseError | None) -> None:
        """See to those that have not ended; of many runs there is mostly none."""
        try:
            stand = self._store.many.statuses(run_ids)
        except Exception:
            _log.exception("Could not look at %s", ", ".join(run_ids))
            raise
        for run_id in run_ids:
            if run_id in stand and not stand[run_id].is_terminal:
                self._settling.submit(self._settle, run_id, error)
                continue
            self._orders.pop(run_id, None)
            self._replacements.pop(run_id, None)
            self._warm.has_ended(run_id)
        self._used_at = time.monotonic()

    def _settle(self, run_id: str, error: SynapseError | None) -> None:
        try:
            order = self._orders.get(run_id)
            is_away = order is not None and bool(order.service_url)
            run = settle(self._store, self._home, run_id, error, is_away=is_away)
            self._orders.pop(run_id, None)
            self._warm.has_ended(run_id)
            self._used_at = time.monotonic()
            if run is None or order is None or run.status is not RunStatus.PENDING:
                self._replacements.pop(run_id, None)
                return
            if not self.engine.has_nodes:
                self._stop.set()  # the next look at the run places it on another cluster
                return
            again = self._replacements[run_id] = self._replacements.get(run_id, 0) + 1
            if again <= MAX_REPLACEMENTS + run.retry.retries:
                self._orders[run_id] = order
                self._place_or_fail([order])
        except Exception:
            _log.exception("Could not settle %s", run_id)
            raise

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
            "active": len(self._orders),
        }
        if not self._up.is_set():
            return record
        stand = self._store.many.statuses(tuple(self._orders))
        waiting = sum(status is RunStatus.PENDING for status in stand.values())
        return {**record, **self.engine.status(), "waiting": waiting}

    def _obey_serve(self, order: ServeOrder) -> JSONObject:
        self._up.wait()
        self._check_cluster()
        return self._served.obey(order)

    def _end(self, *, force: bool) -> JSONObject:
        # A run that has ended in the store may have a launcher that is still on its way out.
        stand = self._store.many.statuses(tuple(self._orders))
        active = sum(not status.is_terminal for status in stand.values())
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
        self._warm.release_idle(WARM_IDLE_S)
        self._warm.grow()
        self._look_after(tuple(self._orders.values()))
        is_replaced = read_record(self._place.record) != self._record
        idle_s = time.monotonic() - self._used_at
        is_used = self._orders or self._served.names
        if is_replaced or (idle_s > self.settings.idle_s and not is_used):
            if not is_replaced and self._has_others():
                self._used_at = time.monotonic()
                return
            self._stop.set()

    def _look_after(self, orders: Sequence[LaunchOrder]) -> None:
        stand = self._store.many.statuses([order.run_id for order in orders])
        waiting = {order.run_id: order for order in orders if order.tier == "task"}
        for order in orders:
            if stand.get(order.run_id) is not RunStatus.PENDING:
                waiting.pop(order.run_id, None)
                if order.service_url:
                    vouch(self._store, order.run_id)
        self._warm.keep_room_for(waiting)
        # What Ray says is free lags behind, so a run may have been placed into room that was taken.
        for order in {order.room: order for order in waiting.values()}.values():
            self._warm.make_room(order)

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

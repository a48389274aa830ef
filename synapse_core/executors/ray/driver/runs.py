"""The runs that a driver was ordered to place, from the order to the end of each."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import SynapseError, WorkerLostError
from synapse_core.executors.ray.cluster.orders import LaunchOrder
from synapse_core.executors.ray.cluster.settling import end_unplaced, settle, vouch
from synapse_core.executors.ray.driver.engine import Engine
from synapse_core.executors.ray.driver.reusing import reuse_version
from synapse_core.executors.ray.driver.warm_pool import WarmPool
from synapse_core.executors.ray.job.api import JobsApi
from synapse_core.executors.ray.job.order import submit_job
from synapse_core.executors.ray.job.told import JobOrder
from synapse_core.model.run import RunStatus
from synapse_core.runs.store.opening import OpenRunStore

__all__ = ["PlacedRuns"]

WARM_IDLE_S = 120.0
"""How long a warm process waits for the next run of its plugin."""

MAX_REPLACEMENTS = 3
"""A run whose launchers vanish more often than this takes something down with it."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PlacedRuns:
    """Places runs, those that come before the cluster is up as soon as `begin` is called.

    Attributes:
        home: Where the runs lie.
        store: The store that holds them.
        engine: The connection to Ray.
        jobs: Gives the Jobs API of the cluster.
        is_ours: Whether the cluster ends with this process.
        lost: Called when there is no node left to place a run on.
        used_at: When there was something to do last, on the monotonic clock.
    """

    home: Home
    store: OpenRunStore
    engine: Engine
    jobs: Callable[[], JobsApi]
    is_ours: bool
    lost: Callable[[], None]
    used_at: float = field(default_factory=time.monotonic)
    _has_begun: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: dict[str, LaunchOrder] = field(default_factory=dict[str, LaunchOrder])
    _orders: dict[str, LaunchOrder] = field(default_factory=dict[str, LaunchOrder])
    _replacements: dict[str, int] = field(default_factory=dict[str, int])
    _sorting: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4))
    # It waits for workers of machines that were lost, and what has ended is not to wait along.
    _settling: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16))
    _warm: WarmPool = field(init=False)

    def __post_init__(self) -> None:
        self._warm = WarmPool(self.engine, self.store.many.statuses, self._on_end)

    def __len__(self) -> int:
        return len(self._orders)

    def statuses(self) -> Mapping[str, RunStatus]:
        """Return how the runs stand, without those that were removed."""
        return self.store.many.statuses(tuple(self._orders))

    def launch(self, orders: Sequence[LaunchOrder]) -> None:
        """Place runs that differ in their params only, if they are not on their way already.

        Raises:
            SynapseError: They cannot be placed; none of them is.
        """
        self.used_at = time.monotonic()
        with self._lock:
            new = {one.run_id: one for one in orders if one.run_id not in self._orders}
            self._orders |= new
            if not self._has_begun:
                self._waiting |= new
                return
        try:
            if new:
                self._put(tuple(new.values()))
        except BaseException:
            for run_id in new:
                self._orders.pop(run_id, None)
            raise

    def begin(self) -> None:
        """Place what waits for the cluster, and whatever comes from now on."""
        with self._lock:
            self._has_begun = True
            waiting, self._waiting = list(self._waiting.values()), {}
        for _, alike in groupby(waiting, key=lambda order: replace(order, run_id="")):
            self._place_or_fail(tuple(alike))

    def refuse(self, error: SynapseError) -> None:
        """End what waits for a cluster that does not come up."""
        with self._lock:
            waiting, self._waiting = list(self._waiting), {}
        for run_id in waiting:
            self._fail(run_id, error)

    def look_after(self) -> None:
        """Make room for those that wait, vouch for those far away, and end what is idle."""
        self._warm.release_idle(WARM_IDLE_S)
        self._warm.grow()
        orders = tuple(self._orders.values())
        stand = self.store.many.statuses([order.run_id for order in orders])
        waiting = {order.run_id: order for order in orders if order.tier == "task"}
        for order in orders:
            if stand.get(order.run_id) is not RunStatus.PENDING:
                waiting.pop(order.run_id, None)
                if order.service_url:
                    vouch(self.store, order.run_id)
        self._warm.keep_room_for(waiting)
        # What Ray says is free lags behind, so a run may have been placed into room that was taken.
        for order in {order.room: order for order in waiting.values()}.values():
            self._warm.make_room(order)

    def await_batch(self) -> None:
        """Return as soon as there is something that might be passed on."""
        self._warm.await_batch()

    def pass_on(self) -> None:
        """Let others have what waits behind a run that takes longer than the ones before it."""
        self._warm.pass_on()

    def _put(self, orders: Sequence[LaunchOrder]) -> None:
        order = orders[0]
        self.engine.check(order)
        if order.tier == "job":
            self._submit_job(order)
            return
        version = reuse_version(Path(order.plugin_path), order.action)
        if version is not None:
            self.engine.prepare(order)  # here, where somebody is told of what is wrong with it
            self._warm.place(orders, version)
            return
        for one in orders:
            self._warm.make_room(one)
            self.engine.place(one, self._on_end)

    def _submit_job(self, order: LaunchOrder) -> None:
        job = JobOrder(plugin_path=order.plugin_path, environ=order.environ)
        run = self.store.get(order.run_id)
        submit_job(self.jobs(), self.home, run, job, is_ours=self.is_ours)
        # From here on it needs no driver; while it runs, a cluster of ours is not idle.
        self._orders.pop(order.run_id, None)

    def _place_or_fail(self, orders: Sequence[LaunchOrder]) -> None:
        """Place runs whose door has left already: what keeps them from running is their outcome."""
        try:
            self._put(orders)
        except SynapseError as error:
            for order in orders:
                self._fail(order.run_id, error)

    def _fail(self, run_id: str, error: SynapseError) -> None:
        self._orders.pop(run_id, None)
        run = self.store.get(run_id)
        if run.status is RunStatus.PENDING:
            end_unplaced(self.store, self.home, run, error)

    def _on_end(self, run_ids: Sequence[str], error: SynapseError | None) -> None:
        self._sorting.submit(self._settle_all, run_ids, error)

    def _settle_all(self, run_ids: Sequence[str], error: SynapseError | None) -> None:
        """See to those that have not ended; of many runs there is mostly none."""
        try:
            stand = self.store.many.statuses(run_ids)
        except Exception:
            _log.exception("Could not look at %s", ", ".join(run_ids))
            raise
        is_first = True
        for run_id in run_ids:
            if run_id in stand and not stand[run_id].is_terminal:
                # Those behind it only waited for their turn.
                self._settling.submit(self._settle, run_id, error, may_be_the_cause=is_first)
                is_first = False
                continue
            self._orders.pop(run_id, None)
            self._replacements.pop(run_id, None)
            self._warm.has_ended(run_id)
        self.used_at = time.monotonic()

    def _settle(self, run_id: str, error: SynapseError | None, *, may_be_the_cause: bool) -> None:
        try:
            order = self._orders.get(run_id)
            is_away = order is not None and bool(order.service_url)
            run = settle(
                self.store,
                self.home,
                run_id,
                error,
                is_away=is_away,
                may_be_the_cause=may_be_the_cause,
            )
            self._orders.pop(run_id, None)
            self._warm.has_ended(run_id)
            self.used_at = time.monotonic()
            if run is None or order is None or run.status is not RunStatus.PENDING:
                self._replacements.pop(run_id, None)
            elif not self.engine.has_nodes:
                self.lost()  # the next look at the run places it on another cluster
            else:
                most = MAX_REPLACEMENTS + run.retry.retries
                self._replace(order, most, error, counts=may_be_the_cause)
        except Exception:
            _log.exception("Could not settle %s", run_id)
            raise

    def _replace(
        self, order: LaunchOrder, most: int, error: SynapseError | None, *, counts: bool
    ) -> None:
        """Place a run anew that lost its place before it began, unless that happens too often."""
        again = self._replacements[order.run_id] = self._replacements.get(order.run_id, 0) + counts
        if again <= most:
            self._orders[order.run_id] = order
            self._place_or_fail([order])
            return
        del self._replacements[order.run_id]
        self._fail(order.run_id, _lost_too_often(again, error))


def _lost_too_often(times: int, last: SynapseError | None) -> WorkerLostError:
    why = "" if last is None else f" The last time: {last.message}"
    return WorkerLostError(
        f"What was to hold the worker of the run was lost {times} times before it began.{why}",
        hint="The log of the cluster tells more: `synapse ray status`.",
    )

"""Warm processes on a cluster: who is idle, who is next, and who has to go."""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from synapse_core.errors import SynapseError
from synapse_core.executors.ray.cluster.orders import LaunchOrder
from synapse_core.executors.ray.driver.pace import Pace
from synapse_core.model.run import RunStatus

__all__ = ["Ended", "HolderMaker", "Ready", "WarmPool"]

_STARTING = 32
"""More that start at once would only keep one another from it."""

_START_S = 1.0
"""What a process takes to start, and the action to load."""

Ended = Callable[[Sequence[str], SynapseError | None], None]
"""Called with the ids of runs when what held their worker is gone, and with what went wrong."""

Ready = Callable[[SynapseError | None], None]
"""Called when an actor can be used or is done, or with why it cannot be used any more."""

Statuses = Callable[[Sequence[str]], Mapping[str, RunStatus]]
"""Tells how runs stand, without those that somebody removed, which have ended."""


class HolderMaker(Protocol):
    """Makes, uses and ends the actors of a pool."""

    def make_holder(self, order: LaunchOrder) -> Any:  # noqa: ANN401 - an actor of Ray's
        """Return a new actor with the room that the order asks for."""
        ...

    def await_holder(self, holder: Any, ready: Ready) -> None:  # noqa: ANN401 - as above
        """Tell when the actor has got its room, or that it never will."""
        ...

    def use_holder(self, holder: Any, run_ids: Sequence[str], ended: Ready) -> None:  # noqa: ANN401 - as above
        """Have the actor execute runs one after the other, and tell when all have ended."""
        ...

    def end_holder(self, holder: Any) -> None:  # noqa: ANN401 - as above
        """End the actor and its process."""
        ...

    def has_room(self, order: LaunchOrder, *, beside: int = 0) -> bool:
        """Whether there is the room now, also for so many more that have not got theirs yet."""
        ...


@dataclass(slots=True, eq=False)
class _Slot:
    """One warm process, and the runs it was given; `is_started` once its actor has got its room."""

    holder: Any
    is_started: bool = False
    runs: dict[str, LaunchOrder] = field(default_factory=dict[str, LaunchOrder])
    used_at: float = 0.0
    idle_since: float | None = None


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a warm process can be used for: one version of a plugin, with the same room.

    On a machine that does not see the home, it has its runs from one service.
    """

    plugin_path: str
    version: str
    room: tuple[float, float, int, tuple[tuple[str, float], ...]]
    environ: tuple[tuple[str, str], ...]
    service: tuple[str, str]


@dataclass(slots=True)
class WarmPool:
    """Gives runs to an idle process of their plugin's version, else to a new one.

    Processes of an older version end as soon as they are idle; idle ones of other plugins when
    their room is needed, and all of them after a while. Runs that are over in no time are given to
    a process several at once.

    Attributes:
        maker: Makes the actors.
        statuses: Tells how runs stand.
        ended: Told of every run, when it has ended or its process is gone.
        stuck_s: Of a batch that takes longer, others may have what it has not begun.
    """

    maker: HolderMaker
    statuses: Statuses
    ended: Ended
    stuck_s: float = 0.3
    _slots: dict[_Kind, list[_Slot]] = field(default_factory=dict[_Kind, list[_Slot]])
    _queues: dict[_Kind, deque[LaunchOrder]] = field(
        default_factory=dict[_Kind, deque[LaunchOrder]]
    )
    _paces: dict[_Kind, Pace] = field(default_factory=dict[_Kind, Pace])
    _starved: set[str] = field(default_factory=set[str])
    _has_batch: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def place(self, orders: Sequence[LaunchOrder], version: str) -> None:
        """Execute runs in warm processes, as soon as there are some.

        Args:
            orders: Runs of one action, with the same room.
            version: Changes with every change of the plugin.
        """
        kind = _kind_of(orders[0], version)
        with self._lock:
            self._drop(lambda other: other.plugin_path == kind.plugin_path and other != kind)
            # To no process in particular: one may wait longer for its room than another is busy.
            self._queues.setdefault(kind, deque()).extend(orders)
            self._serve(kind)
            if self._queues[kind]:
                # Runs that follow one another are to find what the first has loaded: a process
                # whose runs have ended is about to be free, and none is started in its place.
                busy = [one for one in self._slots.get(kind, []) if one.runs]
                self._grow(kind, coming=sum(self._is_over(one.runs) for one in busy))

    def make_room(self, order: LaunchOrder) -> None:
        """End idle processes if a run finds no room otherwise, now or as soon as they are idle.

        Call `has_ended` when the run has, and `keep_room_for` now and then with those that wait.
        """
        with self._lock:
            if self._slots and not self._is_served(order) and not self.maker.has_room(order):
                self._drop(lambda _: True)
                self._starved.add(order.run_id)

    def has_ended(self, run_id: str) -> None:
        """Keep no room for a run any more."""
        with self._lock:
            self._starved.discard(run_id)

    def keep_room_for(self, run_ids: Collection[str]) -> None:
        """Keep room for no runs but these: others have found theirs, or need none any more."""
        with self._lock:
            self._starved.intersection_update(run_ids)

    def grow(self) -> None:
        """Start what the waiting runs lack, also where a process does not get free as expected."""
        with self._lock:
            for kind in [kind for kind, queue in self._queues.items() if queue]:
                self._grow(kind)

    def await_batch(self) -> None:
        """Return as soon as some process has several runs, of which others might have some."""
        self._has_batch.wait()

    def pass_on(self) -> None:
        """Let others have what waits behind a run that takes longer than the ones before it."""
        until = time.monotonic() - self.stuck_s
        with self._lock:
            for kind in tuple(self._slots):
                for slot in tuple(self._slots.get(kind, ())):
                    if len(slot.runs) > 1 and slot.used_at < until:
                        self._pass_on(kind, slot)
            if not any(len(slot.runs) > 1 for slots in self._slots.values() for slot in slots):
                self._has_batch.clear()

    def release_idle(self, idle_s: float) -> None:
        """End processes that have been idle for so long."""
        with self._lock:
            self._drop(lambda _: True, until=time.monotonic() - idle_s)

    @property
    def size(self) -> int:
        """How many warm processes there are."""
        return sum(map(len, self._slots.values()))

    def _is_served(self, order: LaunchOrder) -> bool:
        """Whether the run waits for a process that is there, and gets on with those before it."""
        since = time.monotonic() - _START_S
        return any(
            one.run_id == order.run_id
            for kind, queue in self._queues.items()
            if any(slot.is_started and slot.used_at > since for slot in self._slots.get(kind, ()))
            for one in queue
        )

    def _is_over(self, run_ids: Iterable[str]) -> bool:
        stand = self.statuses(tuple(run_ids))
        return all(status.is_terminal for status in stand.values())

    def _grow(self, kind: _Kind, coming: int = 0) -> None:
        queue = self._queues[kind]
        while True:
            slots = self._slots.get(kind, [])
            starting = sum(not one.is_started for one in slots)
            if coming + starting >= len(queue) or starting >= _STARTING:
                return
            if slots and not self._is_worth_another(kind, starting):
                return
            self.make_room(queue[0])
            self._add(kind, queue[0])

    def _is_worth_another(self, kind: _Kind, starting: int) -> bool:
        """Whether the runs that wait would wait longer than a process takes to start."""
        queue, since = self._queues[kind], time.monotonic() - self.stuck_s
        ready = sum(one.is_started and one.used_at > since for one in self._slots[kind])
        wait_s = self._paces.setdefault(kind, Pace()).wait_s(len(queue), ready)
        return wait_s > _START_S and self.maker.has_room(queue[0], beside=starting)

    def _serve(self, kind: _Kind) -> None:
        queue = self._queues[kind]
        for slot in self._slots.get(kind, []):
            if slot.idle_since is not None and queue:
                self._use(kind, slot)

    def _use(self, kind: _Kind, slot: _Slot) -> None:
        pace, queue = self._paces.setdefault(kind, Pace()), self._queues[kind]
        count = pace.batch(len(queue), len(self._slots[kind]))
        orders = [queue.popleft() for _ in range(count)]
        slot.runs = {order.run_id: order for order in orders}
        if count > 1:
            self._has_batch.set()
        slot.idle_since, slot.used_at = None, time.monotonic()

        def on_end(error: SynapseError | None) -> None:
            runs = slot.runs
            try:
                with self._lock:
                    slot.runs = {}
                    pace.note(count, time.monotonic() - slot.used_at, is_whole=error is None)
                    if error is not None:
                        self._take_back(kind, runs)
                    self._starved.difference_update(runs)
                    self._on_free(kind, slot, is_whole=error is None)
            finally:
                self.ended(tuple(runs), error)

        self.maker.use_holder(slot.holder, tuple(slot.runs), on_end)

    def _take_back(self, kind: _Kind, runs: dict[str, LaunchOrder]) -> None:
        """Let others have what a process that has crashed has not begun."""
        stand = self.statuses(tuple(runs))
        waiting = [run_id for run_id in runs if stand.get(run_id) is RunStatus.PENDING]
        if RunStatus.RUNNING not in stand.values():
            del waiting[:1]  # this one it crashed over, or never came to
        self._queues[kind].extendleft(runs.pop(run_id) for run_id in reversed(waiting))

    def _pass_on(self, kind: _Kind, slot: _Slot) -> None:
        others = [one for one in self._slots[kind] if one.idle_since is not None]
        if not others and not self.maker.has_room(next(iter(slot.runs.values()))):
            return
        stand = self.statuses(tuple(slot.runs))
        waiting = [run_id for run_id in slot.runs if stand.get(run_id) is RunStatus.PENDING]
        # Should it come to them after all, one claim of two is in vain.
        self._queues[kind].extend(slot.runs.pop(run_id) for run_id in waiting)
        self._paces.pop(kind, None)
        self._serve(kind)
        self._grow(kind)

    def _on_free(self, kind: _Kind, slot: _Slot, *, is_whole: bool) -> None:
        queue = self._queues.get(kind)
        if not is_whole:
            self._slots[kind].remove(slot)
            self.maker.end_holder(slot.holder)
            if queue:
                self._add(kind, queue[0])
        elif queue:
            self._use(kind, slot)
            if not queue:
                # Else the next run might find a new process idle before this one, which has all
                # that the plugin has loaded.
                self._end_unstarted(kind)
        else:
            slot.idle_since = time.monotonic()
            self._end_unstarted(kind)
            if self._starved or any(self._queues.values()):
                self._drop(lambda _: True)

    def _add(self, kind: _Kind, order: LaunchOrder) -> None:
        slot = _Slot(self.maker.make_holder(order))
        self._slots.setdefault(kind, []).append(slot)
        self.maker.await_holder(slot.holder, lambda error: self._on_ready(kind, slot, error))

    def _on_ready(self, kind: _Kind, slot: _Slot, error: SynapseError | None) -> None:
        refused: Sequence[LaunchOrder] = ()
        with self._lock:
            if slot not in self._slots.get(kind, []):
                return  # it was ended, since nobody needed it any more
            if error is None:
                slot.is_started = True
                self._on_free(kind, slot, is_whole=True)
                return
            self._slots[kind].remove(slot)
            if not self._slots[kind]:
                refused = tuple(self._queues.pop(kind, ()))
        if refused:
            self.ended([order.run_id for order in refused], error)

    def _end_unstarted(self, kind: _Kind) -> None:
        for slot in [one for one in self._slots[kind] if not one.is_started]:
            self._slots[kind].remove(slot)
            self.maker.end_holder(slot.holder)

    def _drop(self, concerns: Callable[[_Kind], bool], until: float | None = None) -> None:
        for kind in [one for one in self._slots if concerns(one)]:
            kept: list[_Slot] = []
            for slot in self._slots[kind]:
                is_idle = slot.idle_since is not None and (until is None or slot.idle_since < until)
                if is_idle:
                    self.maker.end_holder(slot.holder)
                else:
                    kept.append(slot)
            self._slots[kind] = kept
            if not kept:
                del self._slots[kind]
                self._paces.pop(kind, None)
                if not self._queues.get(kind):
                    self._queues.pop(kind, None)


def _kind_of(order: LaunchOrder, version: str) -> _Kind:
    return _Kind(
        order.plugin_path,
        version,
        order.room,
        tuple(sorted(order.environ.items())),
        (order.service_url, order.service_token),
    )

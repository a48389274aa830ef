"""Warm processes on a cluster: who is idle, who is next, and who has to go."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from synapse_core.errors import SynapseError
from synapse_core.executors.ray.cluster.orders import LaunchOrder

__all__ = ["Ended", "HolderMaker", "Ready", "WarmPool"]

Ended = Callable[[str, SynapseError | None], None]
"""Called with a run's id when what held its worker is gone, and with what went wrong."""


Ready = Callable[[SynapseError | None], None]
"""Called when an actor can be used, or with why it cannot."""

IsOver = Callable[[str], bool]
"""Tells whether a run has ended, which its caller may know before its process is free."""


class HolderMaker(Protocol):
    """Makes, uses and ends the actors of a pool."""

    def make_holder(self, order: LaunchOrder) -> Any:  # noqa: ANN401 - an actor of Ray's
        """Return a new actor with the room that the order asks for."""
        ...

    def await_holder(self, holder: Any, ready: Ready) -> None:  # noqa: ANN401 - as above
        """Tell when the actor has got its room, or that it never will."""
        ...

    def use_holder(self, holder: Any, run_id: str, ended: Ended) -> None:  # noqa: ANN401 - as above
        """Have the actor execute a run."""
        ...

    def end_holder(self, holder: Any) -> None:  # noqa: ANN401 - as above
        """End the actor and its process."""
        ...

    def has_room(self, order: LaunchOrder) -> bool:
        """Whether some node has the room now."""
        ...


@dataclass(slots=True, eq=False)
class _Slot:
    """One warm process; `is_started` once its actor has got its room."""

    holder: Any
    is_started: bool = False
    run_id: str | None = None
    idle_since: float | None = None


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a warm process can be used for: one version of a plugin, with the same room."""

    plugin_path: str
    stamp: str
    room: tuple[float, float, int, tuple[tuple[str, float], ...]]
    environ: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class WarmPool:
    """Gives each run to an idle process of its plugin's version, else to a new one.

    Processes of an older version end as soon as they are idle; idle ones of other plugins when
    their room is needed, and all of them after a while.

    Attributes:
        maker: Makes the actors.
        is_over: Tells of a run whether it has ended.
    """

    maker: HolderMaker
    is_over: IsOver
    _slots: dict[_Kind, list[_Slot]] = field(default_factory=dict[_Kind, list[_Slot]])
    _queues: dict[_Kind, deque[tuple[LaunchOrder, Ended]]] = field(
        default_factory=dict[_Kind, deque[tuple[LaunchOrder, Ended]]]
    )
    _starved: set[str] = field(default_factory=set[str])
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def place(self, order: LaunchOrder, stamp: str, ended: Ended) -> None:
        """Execute a run in a warm process, once there is one.

        Args:
            order: The run.
            stamp: Changes with every change of the plugin.
            ended: Told when the run has ended.
        """
        kind = _kind_of(order, stamp)
        with self._lock:
            self._drop(lambda other: other.plugin_path == kind.plugin_path and other != kind)
            slots = self._slots.get(kind, [])
            slot = next((one for one in slots if one.idle_since is not None), None)
            if slot is not None:
                self._use(kind, slot, order, ended)
                return
            # To none in particular: an actor may wait for its room longer than another one is busy.
            queue = self._queues.setdefault(kind, deque())
            queue.append((order, ended))
            # Runs that follow one another are to find what the first has loaded: a process whose
            # run has ended is about to be free, and none is started in its place.
            leaving = sum(one.run_id is not None and self.is_over(one.run_id) for one in slots)
            self._grow(kind, coming=leaving)

    def make_room(self, order: LaunchOrder) -> None:
        """End idle processes if a run finds no room otherwise, now or as soon as they are idle.

        Call `has_ended` when the run has.
        """
        with self._lock:
            if self._slots and not self.maker.has_room(order):
                self._drop(lambda _: True)
                self._starved.add(order.run_id)

    def has_ended(self, run_id: str) -> None:
        """Keep no room for a run any more."""
        with self._lock:
            self._starved.discard(run_id)

    def grow(self) -> None:
        """Start what the waiting runs lack, also where a process does not get free as expected."""
        with self._lock:
            for kind in [kind for kind, queue in self._queues.items() if queue]:
                self._grow(kind)

    def release_idle(self, idle_s: float) -> None:
        """End processes that have been idle for so long."""
        with self._lock:
            self._drop(lambda _: True, until=time.monotonic() - idle_s)

    @property
    def size(self) -> int:
        """How many warm processes there are."""
        return sum(map(len, self._slots.values()))

    def _grow(self, kind: _Kind, coming: int = 0) -> None:
        slots, queue = self._slots.get(kind, []), self._queues[kind]
        coming += sum(not one.is_started for one in slots)
        order = queue[0][0]
        if coming < len(queue) and (not slots or self.maker.has_room(order)):
            self.make_room(order)
            self._add(kind, order)

    def _use(self, kind: _Kind, slot: _Slot, order: LaunchOrder, ended: Ended) -> None:
        slot.idle_since, slot.run_id = None, order.run_id

        def on_end(run_id: str, error: SynapseError | None) -> None:
            with self._lock:
                slot.run_id = None
                self._starved.discard(run_id)
                self._on_free(kind, slot, is_whole=error is None)
            ended(run_id, error)

        self.maker.use_holder(slot.holder, order.run_id, on_end)

    def _on_free(self, kind: _Kind, slot: _Slot, *, is_whole: bool) -> None:
        queue = self._queues.get(kind)
        if not is_whole:
            self._slots[kind].remove(slot)
            self.maker.end_holder(slot.holder)
            if queue:
                self._add(kind, queue[0][0])
        elif queue:
            self._use(kind, slot, *queue.popleft())
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
        refused: list[tuple[LaunchOrder, Ended]] = []
        with self._lock:
            if slot not in self._slots.get(kind, []):
                return  # it was ended, since nobody needed it any more
            if error is None:
                slot.is_started = True
                self._on_free(kind, slot, is_whole=True)
                return
            self._slots[kind].remove(slot)
            if not self._slots[kind]:
                refused = [*self._queues.pop(kind, ())]
        for order, ended in refused:
            ended(order.run_id, error)

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


def _kind_of(order: LaunchOrder, stamp: str) -> _Kind:
    room = (order.cpus, order.gpus, order.memory_mb, tuple(sorted(order.custom.items())))
    return _Kind(order.plugin_path, stamp, room, tuple(sorted(order.environ.items())))

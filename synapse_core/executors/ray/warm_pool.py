"""Warm processes on a cluster: who is idle, who is next, and who has to go."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from synapse_core.errors import SynapseError
from synapse_core.executors.ray.orders import LaunchOrder

__all__ = ["Ended", "HolderMaker", "WarmPool"]

Ended = Callable[[str, SynapseError | None], None]
"""Called with a run's id when what held its worker is gone, and with what went wrong."""


class HolderMaker(Protocol):
    """Makes, uses and ends the actors of a pool."""

    def make_holder(self, order: LaunchOrder) -> Any:  # noqa: ANN401 - an actor of Ray's
        """Return a new actor with the room that the order asks for."""
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


@dataclass(slots=True)
class _Slot:
    """One warm process."""

    holder: Any
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
    """

    maker: HolderMaker
    _slots: dict[_Kind, list[_Slot]] = field(default_factory=dict[_Kind, list[_Slot]])
    _queues: dict[_Kind, deque[tuple[LaunchOrder, Ended]]] = field(
        default_factory=dict[_Kind, deque[tuple[LaunchOrder, Ended]]]
    )
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
            slots = self._slots.setdefault(kind, [])
            slot = next((one for one in slots if one.idle_since is not None), None)
            if slot is None and slots and not self.maker.has_room(order):
                self._queues.setdefault(kind, deque()).append((order, ended))
                return
            if slot is None:
                self.make_room(order)
                slot = _Slot(self.maker.make_holder(order))
                slots.append(slot)
            self._use(kind, slot, order, ended)

    def make_room(self, order: LaunchOrder) -> None:
        """End idle processes if the run finds no room otherwise."""
        with self._lock:
            if self._slots and not self.maker.has_room(order):
                self._drop(lambda _: True)

    def release_idle(self, idle_s: float) -> None:
        """End processes that have been idle for so long."""
        with self._lock:
            self._drop(lambda _: True, until=time.monotonic() - idle_s)

    @property
    def size(self) -> int:
        """How many warm processes there are."""
        return sum(map(len, self._slots.values()))

    def _use(self, kind: _Kind, slot: _Slot, order: LaunchOrder, ended: Ended) -> None:
        slot.idle_since = None

        def on_end(run_id: str, error: SynapseError | None) -> None:
            with self._lock:
                self._on_free(kind, slot, is_whole=error is None)
            ended(run_id, error)

        self.maker.use_holder(slot.holder, order.run_id, on_end)

    def _on_free(self, kind: _Kind, slot: _Slot, *, is_whole: bool) -> None:
        slots, queue = self._slots.get(kind, []), self._queues.get(kind)
        if not is_whole:
            self.maker.end_holder(slot.holder)
            if slot in slots:
                slots.remove(slot)
        if queue:
            order, ended = queue.popleft()
            if not is_whole:
                slot = _Slot(self.maker.make_holder(order))
                slots.append(slot)
            self._use(kind, slot, order, ended)
        elif is_whole:
            slot.idle_since = time.monotonic()

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

"""Lets steps be coroutines, although actions are run by synchronous code."""

import inspect
from collections.abc import Awaitable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, cast

if TYPE_CHECKING:
    from synapse_core.steps.event_loop import EventLoop

__all__ = ["Awaiter"]

T = TypeVar("T")


class Awaiter:
    """Runs coroutines to their end, all in one event loop that is made when the first one comes."""

    def __init__(self) -> None:
        self._loop: EventLoop | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._loop is not None:
            self._loop.close()

    def settle(self, value: T | Awaitable[T], timeout_s: float | None = None) -> T:
        """Return the value, or what it gives when awaited.

        Raises:
            Overtime: Awaiting took longer than `timeout_s` seconds.
        """
        if not inspect.isawaitable(value):
            return cast("T", value)
        if self._loop is None:
            # asyncio takes 30 ms to import, and most steps are no coroutines.
            from synapse_core.steps.event_loop import EventLoop  # noqa: PLC0415 - see above

            self._loop = EventLoop()
        return self._loop.run(value, timeout_s)

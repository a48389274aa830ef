"""Lets steps be coroutines, although actions are run by synchronous code."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar, cast

from synapse_core.steps.limits import Overtime

__all__ = ["Awaiter"]

T = TypeVar("T")


class Awaiter:
    """Runs coroutines to their end, all in one event loop that is made when the first one comes.

    Where the calling thread already runs a loop, as in a notebook, they run in a thread beside it.
    """

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None
        self._thread: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            self._call(self._runner.close)
        if self._thread is not None:
            self._thread.shutdown()

    def settle(self, value: T | Awaitable[T], timeout_s: float | None = None) -> T:
        """Return the value, or what it gives when awaited.

        Raises:
            Overtime: Awaiting took longer than `timeout_s` seconds.
        """
        if not inspect.isawaitable(value):
            return cast("T", value)
        if self._runner is None:
            self._runner = asyncio.Runner()
            if _is_in_loop():
                self._thread = ThreadPoolExecutor(1, "synapse-steps")
        runner, coroutine = self._runner, _within(value, timeout_s)
        return self._call(lambda: runner.run(coroutine))

    def _call(self, function: Callable[[], T]) -> T:
        if self._thread is None:
            return function()
        return self._thread.submit(function).result()


async def _within(value: Awaitable[T], timeout_s: float | None) -> T:
    try:
        async with asyncio.timeout(timeout_s) as limit:
            return await value
    except TimeoutError:
        if limit.expired():
            raise Overtime from None
        raise


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

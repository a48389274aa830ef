"""The event loop of the steps that are coroutines."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from synapse_core.steps.limits import Overtime

__all__ = ["EventLoop"]

T = TypeVar("T")


class EventLoop:
    """Runs one awaitable after another in the same loop.

    Where the calling thread already runs a loop, as in a notebook, it is a loop of another thread.
    """

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._thread = ThreadPoolExecutor(1, "synapse-steps") if _is_in_loop() else None

    def run(self, awaitable: Awaitable[T], timeout_s: float | None) -> T:
        """Return what the awaitable gives.

        Raises:
            Overtime: It took longer than `timeout_s` seconds.
        """
        coroutine = _within(awaitable, timeout_s)
        return self._call(lambda: self._runner.run(coroutine))

    def close(self) -> None:
        """Cancel what the coroutines left running, and close the loop."""
        self._call(self._runner.close)
        if self._thread is not None:
            self._thread.shutdown()

    def _call(self, function: Callable[[], T]) -> T:
        if self._thread is None:
            return function()
        return self._thread.submit(function).result()


async def _within(awaitable: Awaitable[T], timeout_s: float | None) -> T:
    limit = asyncio.timeout(timeout_s)
    try:
        async with limit:
            return await awaitable
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

"""Answers that are said part by part, as the replica hears them."""

import asyncio
from collections.abc import Callable
from typing import Literal, TypeAlias

from synapse_core.errors import SynapseError
from synapse_core.serving.problems import Refusal
from synapse_core.types import JSONObject, JSONValue

__all__ = ["AnswerParts", "Inflow"]

_AHEAD = 32
"""Parts that are said before the first of them is taken."""

_Heard: TypeAlias = tuple[Literal["part", "end"], JSONValue] | SynapseError


class Inflow:
    """What has been heard of one answer, and not been taken.

    Args:
        tell: Sends a frame about this answer.
        forget: Called when nothing more will come.
    """

    def __init__(self, tell: Callable[[JSONObject], None], forget: Callable[[], None]) -> None:
        self.is_over = False
        self._tell = tell
        self._forget = forget
        self._heard: asyncio.Queue[_Heard] = asyncio.Queue()
        self._room = 0

    def hear(self, message: JSONObject) -> None:
        """Take a frame that the process has sent."""
        if message["op"] == "part":
            self._heard.put_nowait(("part", message["part"]))
        else:
            self._end()
            self._heard.put_nowait(("end", message["problem"]))

    def lose(self, error: SynapseError) -> None:
        """Have whoever takes the parts told that no more will come."""
        self._end()
        self._heard.put_nowait(error)

    async def take(self) -> _Heard:
        """Return what comes next."""
        if not self.is_over and self._room <= _AHEAD // 2:
            self._tell({"op": "more", "parts": _AHEAD - self._room})
            self._room = _AHEAD
        heard = await self._heard.get()
        self._room -= 1
        return heard

    def stop(self) -> None:
        """Have the process say no more of it."""
        if not self.is_over:
            self._end()
            self._tell({"op": "stop"})

    def _end(self) -> None:
        self.is_over = True
        self._forget()


class AnswerParts:
    """The parts of one answer; `stop` it, unless it was taken to its end.

    Args:
        inflow: Where they come from.
    """

    def __init__(self, inflow: Inflow) -> None:
        self._inflow = inflow
        self._loop = asyncio.get_running_loop()

    def __aiter__(self) -> "AnswerParts":
        """Return itself."""
        return self

    async def __anext__(self) -> JSONValue:
        """Return the next part.

        Raises:
            Refusal: The action failed.
            WorkerLostError: Its process has ended.
        """
        match await self._inflow.take():
            case ("part", part):
                return part
            case ("end", list() as problem):
                raise Refusal(int(str(problem[0])), problem[1])
            case ("end", _):
                raise StopAsyncIteration
            case SynapseError() as error:
                raise error
            case _:
                raise AssertionError  # for the type checker: these are all

    def stop(self) -> None:
        """Want no more of it."""
        self._inflow.stop()

    def __del__(self) -> None:
        """Stop what nobody will take any more, such as when a client left before the first part."""
        if not self._inflow.is_over and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._inflow.stop)

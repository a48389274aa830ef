"""What is told to a client while its request, or nobody's, is under way."""

import time

from synapse_core.model.run import Run
from synapse_mcp.calls import Client
from synapse_mcp.errors import well_formed

__all__ = ["Heartbeat", "describe_progress"]

_SILENCE_S = 5.0
"""Clients give a silent request up after 60 s, some earlier; a beat resets their patience."""


class Heartbeat:
    """Tells the client of a waiting request how what it waits for comes along.

    The protocol wants a number that only grows, and a run's percentage may fall back, so the number
    is the time waited; how far the run has come stands in the message.
    """

    def __init__(self, client: Client, *, wait_s: float) -> None:
        self._client = client
        self._wait_s = wait_s
        self._began = self._told = time.monotonic()
        self._message = ""

    async def tell(self, run: Run) -> None:
        """Report how a run stands; see `say`."""
        await self.say(describe_progress(run))

    async def say(self, message: str) -> None:
        """Report when there is news, or when the client has heard nothing for a while."""
        now = time.monotonic()
        if message == self._message and now - self._told < _SILENCE_S:
            return
        self._message, self._told = message, now
        await self._client.report(round(now - self._began, 3), self._wait_s, message)


def describe_progress(run: Run) -> str:
    """Return in one line how the run comes along."""
    parts = [run.status.value]
    for progress in list(run.summary.progress.values())[-1:]:
        eta = f", {progress.eta_s:.0f} s left" if progress.eta_s is not None else ""
        parts.append(f"{progress.category} {progress.percent:.0f} %{eta}")
    if run.summary.last_message:
        parts.append(run.summary.last_message.splitlines()[0][:200])
    return well_formed(": ".join(parts))

"""Bounds what one client may have under way at once."""

from collections import Counter
from collections.abc import Mapping

from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR

from synapse_mcp.server.opening import Context
from synapse_mcp.server.peer import peer_of

__all__ = ["MAX_CALLS", "MAX_STREAMS", "InFlight"]

MAX_CALLS = 128
"""Requests that do work, of one client. Half of the waits of the server, so that one client that
waits for all its runs leaves some to others."""

MAX_STREAMS = 32
"""Subscriptions that one client may hold open."""

_KINDS: Mapping[str, tuple[str, int]] = {
    "tools/call": ("calls", MAX_CALLS),
    "resources/read": ("calls", MAX_CALLS),
    "completion/complete": ("calls", MAX_CALLS),
    "prompts/get": ("calls", MAX_CALLS),
    "resources/subscribe": ("calls", MAX_CALLS),
    "subscriptions/listen": ("subscriptions", MAX_STREAMS),
}
"""The others are answered at once. Above all, a client at its limit can still cancel and poll."""


class InFlight:
    """Refuses the request that is one too many; those under way are not touched."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Let the request pass when its client has not too many of its kind under way.

        Raises:
            MCPError: It has; the message says to wait.
        """
        known = _KINDS.get(ctx.method)
        if known is None:
            return await call_next(ctx)
        kind, most = known
        key = (peer_of(ctx).key, kind)
        if self._counts[key] >= most:
            raise _too_many(kind, most)
        self._counts[key] += 1
        try:
            return await call_next(ctx)
        finally:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]


def _too_many(kind: str, most: int) -> MCPError:
    return MCPError(
        code=INTERNAL_ERROR,
        message=f"[too_many_{kind}] This client has {most} {kind} under way, the most that one "
        "may have; this one was not begun.\n"
        "Fix: Wait until one of them has ended, then repeat this request.",
        data={"code": f"too_many_{kind}", "limit": most},
    )
